private import COpenSSL
import Domain

/// RFC 6238's codes by libcrypto: HMAC-SHA-1, six digits, as every authenticator takes them. A value; any thread.
package struct TimeBasedCodes: OneTimeCodes {
    package init() {}

    package func code(seed: [UInt8], step: Int64) -> String {
        let message = withUnsafeBytes(of: UInt64(bitPattern: step).bigEndian) { Array($0) }
        var mac = [UInt8](repeating: 0, count: 20)
        var length = 0
        let result = EVP_Q_mac(
            nil, "HMAC", nil, "SHA1", nil, seed, seed.count, message, message.count, &mac, mac.count, &length)
        // As in SHA256Digest: it fails only where nothing of ours works.
        precondition(result != nil && length == 20, "libcrypto has no HMAC-SHA-1")
        // RFC 4226 §5.3, dynamic truncation.
        let offset = Int(mac[19] & 15)
        let number = mac[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let digits = String(number % 1_000_000)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }
}
