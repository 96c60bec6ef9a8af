private import COpenSSL
import Domain

/// SHA-256 by libcrypto; a value without state, usable on any thread.
package struct SHA256Digest: Digesting {
    package init() {}

    /// The 32 bytes of SHA-256 (FIPS 180-4) over `bytes`.
    package func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        let code = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
        // It fails only without memory or where a policy took SHA-256 away: nothing of ours works then.
        precondition(code == 1 && length == 32, "libcrypto has no SHA-256")
        return digest
    }
}
