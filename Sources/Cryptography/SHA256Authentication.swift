private import COpenSSL
import Domain

/// HMAC-SHA256 by libcrypto; a value without state, usable on any thread.
package struct SHA256Authentication: MessageAuthenticating {
    package init() {}

    /// The 32 bytes of HMAC-SHA256 (RFC 2104) over `message`.
    package func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length = 0
        let result = EVP_Q_mac(
            nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &code, code.count, &length)
        // As in SHA256Digest: it fails only where nothing of ours works.
        precondition(result != nil && length == 32, "libcrypto has no HMAC-SHA256")
        return code
    }
}
