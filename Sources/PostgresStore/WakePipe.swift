private import Foundation

/// Wakes a thread that waits in `poll`. Owned by the waiting side's object; any thread may signal.
final class WakePipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // Without descriptors nothing else of the server works either.
        precondition(pipe(&ends) == 0, "no file descriptors are left")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Makes `readEnd` readable until `drain`. A full pipe is awake already.
    func signal() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    /// - Returns: whether it was signalled.
    func drain() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        return read(readEnd, &bytes, bytes.count) > 0
    }
}
