/// A mail to one person: plain text.
package struct Mail: Sendable {
    package var to: String
    package var subject: String
    /// Lines end with `\n`. May hold a link that opens an account: it goes to its owner and into no log (I9).
    package var text: Secret

    package init(to: String, subject: String, text: Secret) {
        self.to = to
        self.subject = subject
        self.text = text
    }
}

/// Hands mails to a mail server; implemented by `SMTPClient`.
package protocol MailSending: Sendable {
    /// Returns once the server has taken it.
    /// - Throws: whatever went wrong, in words without the mail's text or a password.
    func send(_ mail: Mail) async throws
}

/// Makes a square JPEG of at most 512 pixels from a PNG, JPEG or WebP picture; implemented by `FFmpegMedia` in a child process.
package protocol PictureMaking: Sendable {
    /// - Throws: `PictureError`; anything else when the worker could not be run.
    func makePicture(_ bytes: [UInt8]) async throws -> [UInt8]
}

package enum PictureError: Error, Sendable, Equatable {
    /// Not a picture of these kinds, broken, or too large in pixels.
    case notAPicture
}

/// The codes of RFC 6238 (SHA-1, six digits, 30 s), behind a protocol so that services need no C.
package protocol OneTimeCodes: Sendable {
    /// The six digits for a time step.
    func code(seed: [UInt8], step: Int64) -> String
}
