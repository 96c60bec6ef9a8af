import CMalloc
import ServiceLifecycle

/// Gives back to the system what a crowd left in the heap when it went: glibc keeps what is freed below its heaps' ends for good, some
/// 15 KB a connection.
///
/// A task of its own. Trimming holds each heap's lock for some milliseconds, in which the event loops cannot allocate from it: so only
/// when much was freed, and twice a minute at most.
struct HeapTrimService: Service {
    /// What a look finds in use, and whether it is time.
    struct Watermark {
        /// Bytes, and the share of what was in use: what is less is not worth the locks. What publishers' groups of pictures come and go
        /// by is less.
        static let worthwhile = 8 << 20
        private static let share = 3

        private var peak = 0

        /// - Parameter inUse: bytes that are allocated now.
        /// - Returns: whether so much was freed since the last time that heaps should be trimmed.
        mutating func looked(inUse: Int) -> Bool {
            guard inUse + max(Self.worthwhile, peak / Self.share) <= peak else {
                peak = max(peak, inUse)
                return false
            }
            peak = inUse
            return true
        }
    }

    static let interval: Duration = .seconds(30)

    func run() async throws {
        // Cancelled by the graceful shutdown: the process's end gives back everything.
        try? await cancelWhenGracefulShutdown {
            var watermark = Watermark()
            while true {
                try await Task.sleep(for: Self.interval)
                if watermark.looked(inUse: Int(clamping: mallinfo2().uordblks)) { malloc_trim(0) }
            }
        }
    }
}
