private import CArgon2
package import Domain

/// Hashes passwords with Argon2id (RFC 9106): 19 MiB, 2 passes, 1 lane, 16-byte salt, 32-byte tag; 22 ms on the machine
/// it was measured on.
///
/// Owned by the assembly. Works on threads of its own, at most two at once, so that a flood of log-ins costs two cores'
/// time and 38 MiB at most; 64 more may wait, the next is told `busy` (I8, I11).
package final class Argon2Passwords: PasswordHashing {
    /// What a hash costs. Stored hashes carry theirs, so these may rise.
    package struct Cost: Sendable {
        package var memoryKibibytes: UInt32
        package var passes: UInt32

        package init(memoryKibibytes: UInt32 = 19 * 1024, passes: UInt32 = 2) {
            self.memoryKibibytes = memoryKibibytes
            self.passes = passes
        }
    }

    private static let tagBytes = 32
    private static let saltBytes = 16
    private static let lanes: UInt32 = 1

    private let random: any RandomBytes
    private let cost: Cost
    private let workers: WorkerThreads

    package init(
        random: any RandomBytes, cost: Cost = Cost(), maximumRunning: Int = 2, maximumWaiting: Int = 64
    ) {
        self.random = random
        self.cost = cost
        self.workers = WorkerThreads(maximumRunning: maximumRunning, maximumWaiting: maximumWaiting)
    }

    /// - Returns: the encoded form, `$argon2id$v=19$m=…`.
    /// - Throws: `PasswordHashingError.busy` when 64 wait already, `.failed` with libargon2's code.
    package func hash(_ password: Secret) async throws -> Secret {
        let salt = random.bytes(Self.saltBytes)
        let cost = cost
        return try await workers.perform { try Self.hash(password, salt: salt, cost: cost) }
    }

    /// - Throws: `PasswordHashingError.busy` when 64 wait already, `.failed` when `hash` is no encoded Argon2id hash.
    package func verify(_ password: Secret, against hash: Secret) async throws -> Bool {
        try await workers.perform { try Self.verify(password, against: hash) }
    }

    /// True too for what is no encoded hash.
    package func isOutdated(_ hash: Secret) -> Bool {
        let parts = hash.exposed.split(separator: "$")
        guard parts.count == 5, parts[0] == "argon2id" else { return true }
        var numbers: [Substring: UInt32] = [:]
        for pair in parts[2].split(separator: ",") {
            let sides = pair.split(separator: "=")
            if sides.count == 2 { numbers[sides[0]] = UInt32(sides[1]) }
        }
        return (numbers["m"] ?? 0) < cost.memoryKibibytes || (numbers["t"] ?? 0) < cost.passes
    }

    private static func hash(_ password: Secret, salt: [UInt8], cost: Cost) throws(PasswordHashingError) -> Secret {
        let length = argon2_encodedlen(
            cost.passes, cost.memoryKibibytes, lanes, UInt32(salt.count), UInt32(tagBytes), Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let bytes = Array(password.exposed.utf8)
        let code = argon2id_hash_encoded(
            cost.passes, cost.memoryKibibytes, lanes, bytes, bytes.count, salt, salt.count, tagBytes, &encoded,
            encoded.count)
        guard code == ARGON2_OK.rawValue else { throw .failed(code: code) }
        return Secret(String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    private static func verify(_ password: Secret, against hash: Secret) throws(PasswordHashingError) -> Bool {
        let bytes = Array(password.exposed.utf8)
        let code = argon2id_verify(hash.exposed, bytes, bytes.count)
        if code == ARGON2_OK.rawValue { return true }
        if code == ARGON2_VERIFY_MISMATCH.rawValue { return false }
        throw .failed(code: code)
    }
}
