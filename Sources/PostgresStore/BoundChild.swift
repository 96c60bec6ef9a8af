import Foundation
import Synchronization

/// A child process that dies with us, even when we are killed with SIGKILL (I12).
///
/// Linux sends a child its parent-death signal when the *thread* that forked it ends. So each child has a thread of its
/// own: it spawns, then waits for the child, and thereby lives exactly as long. The signal is set by `setpriv`
/// (util-linux), which also changes the user; both keep their process id over `exec`. Between our death and `setpriv`'s
/// call a few milliseconds stay uncovered: `PrivateCluster` looks for such an orphan when it starts.
///
/// The child has a process group of its own, so that Ctrl-C at the terminal reaches only us, and we choose the order of
/// stopping. It gets no descriptor of ours but its output, and none of our environment.
final class BoundChild: Sendable {
    /// How a child ended.
    enum Exit: Sendable, Equatable {
        case code(Int32)
        case signal(Int32)
    }

    /// Whom a child runs as, when not as ourselves.
    struct Identity: Sendable, Equatable {
        var user: UInt32
        var group: UInt32
        var name: String
    }

    struct Command: Sendable {
        var program: String
        var arguments: [String]
        /// `nil`: as ourselves. Another only when we are root.
        var identity: Identity?
        var workingFolder: String
        /// Sent to it when we die.
        var deathSignal: String
        /// Where its standard output and error go; stays the caller's to close after `spawn` returned.
        var output: Int32

        /// `env` changes the folder, `setpriv` the user and the death signal; each replaces itself by the next.
        fileprivate var words: [String] {
            var words = ["/usr/bin/env", "--chdir=" + workingFolder, "/usr/bin/setpriv"]
            if let identity {
                words += ["--reuid=\(identity.user)", "--regid=\(identity.group)", "--init-groups"]
            }
            return words + ["--pdeathsig", deathSignal, "--", program] + arguments
        }
    }

    private enum State {
        case running(pid_t, [@Sendable (Exit) -> Void])
        case ended(Exit)
    }

    let processID: pid_t
    private let state: Mutex<State>

    private init(processID: pid_t) {
        self.processID = processID
        self.state = Mutex(.running(processID, []))
    }

    /// Starts the child on a new thread.
    /// - Throws: `.cluster` when the system refuses.
    static func spawn(_ command: Command) async throws -> BoundChild {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                do {
                    let child = BoundChild(processID: try spawnProcess(command))
                    continuation.resume(returning: child)
                    child.waitForExit()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            thread.name = "lineup-child"
            thread.stackSize = 1 << 18
            thread.start()
        }
    }

    /// Sends `signal` unless the child has ended; the process id cannot have passed to another by then.
    func send(_ signal: Int32) {
        state.withLock { state in
            switch state {
            case .running(let pid, _): kill(pid, signal)
            case .ended: break
            }
        }
    }

    /// The exit as a stream of one element, so that waiting for it can be cancelled.
    func exits() -> AsyncStream<Exit> {
        let (stream, continuation) = AsyncStream.makeStream(of: Exit.self, bufferingPolicy: .bufferingOldest(1))
        whenEnded { exit in
            continuation.yield(exit)
            continuation.finish()
        }
        return stream
    }

    /// Asks the child to end, in three ways: SIGINT, SIGQUIT after 3 s, SIGKILL after 4 s. Returns once it has ended.
    ///
    /// Goes on when the caller is cancelled: a cancelled shutdown must not leave a process behind (I12).
    func terminate() async -> Exit {
        send(SIGINT)
        for (seconds, signal) in [(3, SIGQUIT), (4, SIGKILL)] {
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { self.send(signal) }
        }
        return await withCheckedContinuation { continuation in
            whenEnded { continuation.resume(returning: $0) }
        }
    }

    private func whenEnded(_ call: @escaping @Sendable (Exit) -> Void) {
        let already: Exit? = state.withLock { state in
            switch state {
            case .running(let pid, let waiting):
                state = .running(pid, waiting + [call])
                return nil
            case .ended(let exit): return exit
            }
        }
        if let already { call(already) }
    }

    /// - Returns: how it ended; `nil` when it has not within `limit`.
    func exit(within limit: Duration) async -> Exit? {
        await withTaskGroup(of: Exit?.self) { group in
            group.addTask { await self.exits().first { _ in true } }
            group.addTask {
                // Cancelled when the child ended first.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private func waitForExit() {
        var status: Int32 = 0
        // The id stays reserved until it is reaped, which happens under the lock: `send` cannot hit another process.
        var info = siginfo_t()
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        let waiting = state.withLock { state -> [@Sendable (Exit) -> Void] in
            while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
            defer { state = .ended(Self.exit(ofStatus: status)) }
            switch state {
            case .running(_, let waiting): return waiting
            case .ended: return []
            }
        }
        for call in waiting { call(Self.exit(ofStatus: status)) }
    }

    /// POSIX's WIFEXITED and friends, which are macros.
    private static func exit(ofStatus status: Int32) -> Exit {
        let signal = status & 0x7F
        return signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
    }

    private static func spawnProcess(_ command: Command) throws(PostgresError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, command.output, 1)
        posix_spawn_file_actions_adddup2(&actions, command.output, 2)
        for descriptor in openDescriptors() where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // A server that ignores SIGINT to handle it itself would hand the ignoring on.
        var defaults = sigset_t()
        var none = sigset_t()
        sigfillset(&defaults)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let environment = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"]
        let code = withMutableCStrings(command.words) { words in
            withMutableCStrings(environment) { posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, words, $0) }
        }
        guard code == 0 else {
            throw PostgresError(.cluster, "\(command.program) cannot be started: \(String(cString: strerror(code)))")
        }
        return pid
    }

    /// One that is opened in another thread meanwhile is missed; ours are all close-on-exec anyway.
    private static func openDescriptors() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }
    }
}

/// As `withCStrings`, for calls that declare `char *const argv[]` and change nothing.
private func withMutableCStrings<Value>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    withCStrings(strings) { array in
        array.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1) { body($0) }
    }
}
