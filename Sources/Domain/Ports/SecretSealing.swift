/// Encrypts what must be read again and so cannot be hashed: TOTP seeds, webhook URLs, OBS passwords, push keys (design §6).
/// Implemented by `Cryptography.SecretBox`; usable on any thread.
///
/// A sealed value is bound to its purpose, so that one that is copied to another row or column cannot be opened there. A purpose
/// names what it is and whose: `totp:USER`, `webhook:ID`, `obs:ID`.
package protocol SecretSealing: Sendable {
    /// - Returns: what may be stored: 33 bytes more than the text has in UTF-8; other bytes each time.
    func seal(_ plaintext: Secret, for purpose: String) -> [UInt8]

    /// - Throws: `SecretSealingError`, and nothing of the text, unless these bytes were sealed with this key for this purpose.
    func open(_ sealed: [UInt8], for purpose: String) throws(SecretSealingError) -> Secret
}

/// Why a sealed value cannot be read.
package enum SecretSealingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Sealed with another key: `LINEUP_SECRET_KEY` or the key file has changed.
    case otherKey
    /// Changed, cut short, of another purpose, or never sealed.
    case broken

    package var description: String {
        switch self {
        case .otherKey:
            "a stored secret was encrypted with another key: set LINEUP_SECRET_KEY, or put secret.key back, or enter it again"
        case .broken: "a stored secret cannot be read: enter it again"
        }
    }
}
