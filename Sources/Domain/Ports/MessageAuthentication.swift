/// HMAC-SHA256 (RFC 2104, FIPS 180-4), behind a protocol so that protocols need no C.
package protocol MessageAuthenticating: Sendable {
    /// 32 bytes.
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8]
}
