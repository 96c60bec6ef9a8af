private import COpenSSL

/// Whether both are the same, in a time that depends on their lengths only: for tokens that a peer sends.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return CRYPTO_memcmp(left, right, left.count) == 0
}
