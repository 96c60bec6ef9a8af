import Domain
import Foundation
import NIOCore
import Synchronization

/// Where a lane blocks: it waits for work, asks the child and waits for its answer, on a thread of its own.
actor DecodeThread {
    enum Ending { case idle, broke, stopped }

    /// Between two looks at the bell when nobody rings it.
    private static let longestWait: TimeInterval = 3600
    private let executor: BlockingExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(name: String) { executor = BlockingExecutor(name: name) }

    deinit { executor.stop() }

    /// Waits for a job.
    /// - Returns: `nil` once the bell was stopped.
    func first(_ bell: WorkBell, _ next: @Sendable () -> DecodeJob?) -> DecodeJob? {
        while !bell.hasStopped {
            if let job = next() { return job }
            _ = bell.wait(Self.longestWait)
        }
        return nil
    }

    /// Asks `first` and then whatever comes, until nothing came for `idleSpan` seconds, the child broke, or the bell was stopped.
    /// Closes `socket`.
    func talk(
        _ socket: DecodeSocket, _ bell: WorkBell, _ paceFactor: Int, _ deadline: Duration, _ idleSpan: TimeInterval,
        _ first: DecodeJob, _ next: @Sendable () -> DecodeJob?
    ) -> Ending {
        defer { socket.close() }
        var job: DecodeJob? = first
        while true {
            guard let present = job else {
                job = next()
                if job != nil { continue }
                if bell.wait(idleSpan) { continue }
                // One that came between the look and the wait has rung.
                return bell.hasStopped ? .stopped : .idle
            }
            let begin = ContinuousClock.now
            guard let answer = socket.ask(present.question, until: begin + deadline, { bell.hasStopped }) else {
                present.done(.failure(.workerLost))
                return bell.hasStopped ? .stopped : .broke
            }
            present.done(.success(answer))
            job = nil
            if paceFactor > 1 {
                let pause = (ContinuousClock.now - begin) * (paceFactor - 1)
                Thread.sleep(forTimeInterval: min(1, Double(pause.wholeNanoseconds) / 1e9))
            }
        }
    }
}

/// Runs an actor's jobs on one thread of its own, so that a blocking call blocks nobody else.
private final class BlockingExecutor: SerialExecutor, @unchecked Sendable {
    // @unchecked: `jobs` and `isStopped` are touched only with `condition` locked.
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isStopped = false

    init(name: String) {
        let thread = Thread { [self] in
            while let batch = nextBatch() {
                for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
            }
        }
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

    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    private func nextBatch() -> [UnownedJob]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty && !isStopped { condition.wait() }
        guard !jobs.isEmpty else { return nil }
        defer { jobs.removeAll(keepingCapacity: true) }
        return jobs
    }
}

/// Our end of the socket to a child. Used on the lane's thread.
final class DecodeSocket: Sendable {
    struct Pair {
        var ours: DecodeSocket
        /// The child's end, twice: its standard input and output.
        var input: Int32
        var output: Int32
    }

    /// Each wait for the socket; between two the deadline is looked at.
    private static let sliceMicroseconds = 200_000
    private let descriptor: Mutex<Int32>

    private init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    deinit { close() }

    static func pair() throws(MediaError) -> Pair {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw MediaError(.workerFailed, "socketpair: \(String(cString: strerror(errno)))")
        }
        let ours = DecodeSocket(ends[0])
        let second = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)
        guard second >= 0 else {
            Glibc.close(ends[1])
            throw MediaError(.workerFailed, "fcntl: \(String(cString: strerror(errno)))")
        }
        var slice = timeval(tv_sec: 0, tv_usec: sliceMicroseconds)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(ends[0], SOL_SOCKET, option, &slice, socklen_t(MemoryLayout<timeval>.size))
        }
        return Pair(ours: ours, input: ends[1], output: second)
    }

    func close() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    /// - Returns: `nil` when the child has gone, broke the rules, or did not answer in time, and when `isStopped` says so.
    func ask(
        _ question: DecodeWire.Message, until deadline: ContinuousClock.Instant, _ isStopped: () -> Bool
    ) -> DecodeWire.Message? {
        let socket = descriptor.withLock { $0 }
        func mayGoOn() -> Bool {
            (errno == EAGAIN || errno == EINTR) && ContinuousClock.now < deadline && !isStopped()
        }
        var bytes = question.bytes
        guard bytes.readableBytes <= DecodeWire.headBytes + DecodeWire.maximumQuestionBytes else { return nil }
        while bytes.readableBytes > 0 {
            // A child that has gone must not end us by SIGPIPE.
            let sent = bytes.withUnsafeReadableBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent > 0 { bytes.moveReaderIndex(forwardBy: sent) } else if !mayGoOn() { return nil }
        }
        func receive(_ count: Int) -> ByteBuffer? {
            var bytes = ByteBuffer()
            while bytes.readableBytes < count {
                let missing = count - bytes.readableBytes
                var isEnd = false
                bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                    let got = recv(socket, space.baseAddress, min(missing, space.count), 0)
                    isEnd = got == 0 || (got < 0 && !mayGoOn())
                    return max(0, got)
                }
                if isEnd { return nil }
            }
            return bytes
        }
        guard let head = receive(DecodeWire.headBytes).flatMap(DecodeWire.head),
            head.length <= DecodeWire.maximumAnswerBytes, let payload = receive(head.length)
        else { return nil }
        return DecodeWire.Message(head.kind, payload)
    }
}
