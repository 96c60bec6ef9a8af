private import Foundation
private import Synchronization

/// Runs an actor's jobs on one thread of its own, so that a blocking call blocks nobody else.
///
/// Owned by the actor; its thread ends when the actor is gone. The queue is bounded by whoever lets calls in
/// (`PostgresConnection.maximumWaiting`).
final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
    // @unchecked: `jobs` and `isStopped` are touched only with `condition` locked.
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isStopped = false
    /// Set once, by the thread, before its first job.
    private let thread = Mutex<ObjectIdentifier?>(nil)

    var isCurrentThread: Bool { thread.withLock { $0 == ObjectIdentifier(Thread.current) } }

    init(name: String) {
        let thread = Thread { [self] in runJobs() }
        thread.name = name
        thread.stackSize = 1 << 19
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    /// Lets the thread end once no job is left.
    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    private func runJobs() {
        thread.withLock { $0 = ObjectIdentifier(Thread.current) }
        while let batch = nextBatch() {
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }

    private func nextBatch() -> [UnownedJob]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty && !isStopped { condition.wait() }
        guard !jobs.isEmpty else { return nil }
        let batch = jobs
        jobs.removeAll(keepingCapacity: true)
        return batch
    }
}
