package import NIOCore
import Synchronization

/// A text that is made when it is first asked for, once in each coding, and shared by all who ask (design §6). Any thread.
///
/// Whoever comes while it is made waits for it: a playlist takes tens of microseconds.
package final class DeliveredText: Sendable {
    /// One coding of the text. Its tag differs from that of the other (RFC 9110 §8.8.3.3).
    package struct Form: Sendable {
        package var body: ByteBuffer
        /// Quoted, strong.
        package var entityTag: String
    }

    private struct Forms {
        var plain: Form?
        var compressed: Form??
    }

    private let forms = Mutex(Forms())
    private let render: @Sendable () -> String
    private let gzip: @Sendable (ByteBuffer) -> ByteBuffer?

    /// - Parameters:
    ///   - gzip: RFC 1952; `nil` when it cannot be done.
    ///   - render: called once at most, on the thread of who asks first.
    package init(
        gzip: @escaping @Sendable (ByteBuffer) -> ByteBuffer? = { _ in nil }, render: @escaping @Sendable () -> String
    ) {
        self.render = render
        self.gzip = gzip
    }

    package func plain() -> Form {
        forms.withLock { plain(&$0) }
    }

    /// `nil` where compression cannot be had.
    package func compressed() -> Form? {
        forms.withLock { forms in
            if let made = forms.compressed { return made }
            let plain = plain(&forms)
            let made = gzip(plain.body).map {
                Form(body: $0, entityTag: String(plain.entityTag.dropLast()) + "-gzip\"")
            }
            forms.compressed = .some(made)
            return made
        }
    }

    private func plain(_ forms: inout Forms) -> Form {
        if let made = forms.plain { return made }
        let body = ByteBuffer(string: render())
        let made = Form(body: body, entityTag: "\"\(Self.fingerprint(body))\"")
        forms.plain = made
        return made
    }

    /// FNV-1a, 64 bits: tells a channel's playlists apart; no defence against anybody.
    private static func fingerprint(_ body: ByteBuffer) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in body.readableBytesView { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
