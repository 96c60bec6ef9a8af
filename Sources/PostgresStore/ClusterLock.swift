private import Foundation

/// The lock that makes one process the owner of a private cluster; let go when this is gone, however the process ends.
final class ClusterLock: Sendable {
    private let descriptor: Int32

    /// `nil` when another process, or another object of this one, holds it.
    /// - Throws: `.cluster` when the file cannot be opened.
    init?(_ path: String) throws(PostgresError) {
        // Close-on-exec: PostgreSQL must not hold on to it.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw PostgresError(.cluster, "\(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
