import Domain
import Foundation
import Logging
import Metrics
import NIOCore
import Subprocess
import Synchronization
import SystemPackage

/// One question for a worker, and who waits for its answer.
struct DecodeJob: Sendable {
    enum Failure: Error {
        /// The child ended over it or took too long, or the server goes down.
        case workerLost
    }

    var question: DecodeWire.Message
    /// Called exactly once, on the lane's thread.
    var done: @Sendable (Result<DecodeWire.Message, Failure>) -> Void
}

/// How a decode worker is started.
package struct DecodeProgram: Sendable {
    package var executable: String
    package var arguments: [String]

    /// By default this very program, even if its file was replaced since it started.
    package init(executable: String = "/proc/self/exe", arguments: [String] = ["worker", "decode"]) {
        self.executable = executable
        self.arguments = arguments
    }
}

/// One child process at a time that answers one question at a time, and the thread that talks to it.
///
/// The child starts with the first question and is ended when none came for `idleSpan`, so that a server where nobody looks has
/// none. A question it does not answer within its deadline, or that it ends over, is lost; the next one goes to a new child. Which
/// question broke a child is known for certain, since it has no other.
final class DecodeLane: Sendable {
    /// More than the child's own limit for a question.
    private static let deadline: Duration = .seconds(Int(DecodeWorker.questionTimeLimitSeconds) + 1)
    private static let idleSpan: TimeInterval = 30
    /// Between two children that broke over their first questions.
    private static let longestPause: Duration = .seconds(5)

    private let bell: WorkBell
    private let name: String
    private let program: DecodeProgram
    private let paceFactor: Int
    private let logger: Logger
    private let lost: Counter
    private let thread: DecodeThread
    private let jobs: @Sendable (_ child: Int) -> DecodeJob?

    /// - Parameters:
    ///   - paceFactor: 2 leaves the lane at half of a core at most; 1 does not hold it back.
    ///   - jobs: the next question; `child` rises with each child, which knows nothing of what its forerunner was told.
    init(
        name: String, program: DecodeProgram, bell: WorkBell, paceFactor: Int = 1, logger: Logger,
        jobs: @escaping @Sendable (_ child: Int) -> DecodeJob?
    ) {
        self.name = name
        self.program = program
        self.bell = bell
        self.paceFactor = paceFactor
        self.logger = logger
        self.lost = Counter(label: "lineup_decode_workers_lost_total", dimensions: [("lane", name)])
        self.thread = DecodeThread(name: "decode-\(name)")
        self.jobs = jobs
    }

    /// Until it is cancelled; no child is left then.
    func run() async {
        await withTaskCancellationHandler {
            var number = 1
            var broken = 0
            while true {
                let child = number
                guard let first = await thread.first(bell, { jobs(child) }) else { return }
                switch await live(child, first) {
                case .idle: broken = 0
                case .stopped: return
                case .broke:
                    lost.increment()
                    broken += 1
                    logger.warning("a decode worker was lost", metadata: ["lane": "\(name)"])
                    // Cancelled: the bell says so.
                    try? await Task.sleep(for: min(Self.longestPause, .milliseconds(100 << min(broken, 8))))
                }
                number += 1
            }
        } onCancel: {
            bell.stop()
        }
    }

    /// One child's life, from its first question on.
    private func live(_ child: Int, _ first: DecodeJob) async -> DecodeThread.Ending {
        let ends: DecodeSocket.Pair
        do {
            ends = try DecodeSocket.pair()
        } catch {
            logger.warning("a decode worker has no socket", metadata: ["error": "\(error)"])
            first.done(.failure(.workerLost))
            return .broke
        }
        // Nothing of ours that is secret is of use there.
        let library = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ["LD_LIBRARY_PATH": $0] } ?? [:]
        let (input, output) = (FileDescriptor(rawValue: ends.input), FileDescriptor(rawValue: ends.output))
        let hasBegun = Atomic(false)
        do {
            let result = try await Subprocess.run(
                .path(FilePath(program.executable)), arguments: Arguments(program.arguments),
                environment: .custom(Dictionary(uniqueKeysWithValues: library.map { (.init(stringLiteral: $0), $1) })),
                input: .fileDescriptor(input, closeAfterSpawningProcess: true),
                output: .fileDescriptor(output, closeAfterSpawningProcess: true), error: .discarded
            ) { execution in
                hasBegun.store(true, ordering: .relaxed)
                let ending = await thread.talk(ends.ours, bell, paceFactor, Self.deadline, Self.idleSpan, first) {
                    jobs(child)
                }
                // It holds nothing; already ended is as good.
                try? execution.send(signal: .kill)
                return ending
            }
            return result.closureResult
        } catch {
            ends.ours.close()
            // Otherwise it was asked, and answered one way or the other.
            if !hasBegun.load(ordering: .relaxed) { first.done(.failure(.workerLost)) }
            if bell.hasStopped { return .stopped }
            logger.warning("a decode worker could not be started", metadata: ["error": "\(error)"])
            return .broke
        }
    }
}

/// Wakes a lane's thread. Any thread rings; one waits.
final class WorkBell: @unchecked Sendable {
    // @unchecked: the flags are touched only with `condition` locked.
    private let condition = NSCondition()
    private var isRung = false
    private var isStopped = false

    func ring() {
        condition.lock()
        isRung = true
        condition.signal()
        condition.unlock()
    }

    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    var hasStopped: Bool {
        condition.lock()
        defer { condition.unlock() }
        return isStopped
    }

    /// Blocks until it is rung, stopped or `span` seconds have passed.
    /// - Returns: whether it was rung.
    func wait(_ span: TimeInterval) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        let end = Date(timeIntervalSinceNow: span)
        while !isRung, !isStopped {
            guard condition.wait(until: end) else { break }
        }
        defer { isRung = false }
        return isRung && !isStopped
    }
}
