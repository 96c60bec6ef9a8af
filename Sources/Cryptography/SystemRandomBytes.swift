private import COpenSSL
import Domain

/// Random bytes from libcrypto's generator, seeded by the kernel; usable on any thread.
package struct SystemRandomBytes: RandomBytes {
    package init() {}

    /// `count` bytes fit for keys and tokens; 0…2^31 - 1. Without randomness the process stops: there is no safe way on.
    package func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "libcrypto has no randomness")
        return bytes
    }
}
