package import Domain
import Subprocess
import SystemPackage

/// Makes slates in a child process, so that no encoder runs in the server (design §3).
///
/// Any task may call it. A child has a time limit and a bound on its output; it is killed when the caller is cancelled or when
/// it breaks either. It ends by itself when the server dies: it looks for its parent at each picture.
package struct SlateWorkerMaker: SlateMaker {
    private static let maximumComplaintBytes = 65_536

    private let executable: String
    private let arguments: @Sendable (SlateRequest) -> [String]
    private let timeLimit: Duration

    /// - Parameters:
    ///   - executable: by default this very program, even if its file was replaced since it started.
    ///   - arguments: what makes it a slate worker.
    ///   - timeLimit: from the start of the child to its end.
    package init(
        executable: String = "/proc/self/exe",
        arguments: @escaping @Sendable (SlateRequest) -> [String] = SlateWorker.arguments(for:),
        timeLimit: Duration = .seconds(20)
    ) {
        self.executable = executable
        self.arguments = arguments
        self.timeLimit = timeLimit
    }

    /// - Throws: `MediaError` when the request makes no sense or the worker failed; `CancellationError` when cancelled.
    package func makeSlate(_ request: SlateRequest) async throws -> SlateClip {
        try request.validate()
        let request = request.encodable
        let bytes = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await runWorker(request) }
            group.addTask {
                try await Task.sleep(for: timeLimit)
                return nil
            }
            // Leaving the group waits for the child, which its cancellation kills.
            defer { group.cancelAll() }
            guard let bytes = try await group.next() ?? nil else {
                throw MediaError(.workerFailed, "the slate worker took longer than \(timeLimit)")
            }
            return bytes
        }
        return try SlateWire.clip(from: bytes, answering: request)
    }

    private func runWorker(_ request: SlateRequest) async throws -> [UInt8] {
        let text = try Self.pipe(holding: Array(request.text.utf8.prefix(SlateWorker.maximumTextBytes)))
        // A descriptor that cannot be closed has nobody to tell.
        defer { try? text.close() }
        let result: ExecutionResult<Void, BytesOutput, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                .path(FilePath(executable)), arguments: Arguments(arguments(request)),
                input: .fileDescriptor(text, closeAfterSpawningProcess: false),
                output: .bytes(limit: SlateWire.maximumBytes),
                error: .string(limit: Self.maximumComplaintBytes))
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw MediaError(.workerFailed, "running the slate worker: \(error)")
        }
        try Task.checkCancellation()
        guard result.terminationStatus.isSuccess else {
            let words = result.standardError.suffix(500)
            throw MediaError(.workerFailed, "the slate worker ended with \(result.terminationStatus): \(words)")
        }
        return result.standardOutput
    }

    /// A pipe's read end, with `bytes` in the pipe and then its end.
    ///
    /// swift-subprocess would write into the child's input itself, and a child that ended without reading would kill us by
    /// SIGPIPE. A pipe takes this little (`maximumTextBytes`, of 65,536) at once, while we still hold its read end.
    private static func pipe(holding bytes: [UInt8]) throws -> FileDescriptor {
        let ends = try FileDescriptor.pipe()
        do {
            try ends.writeEnd.closeAfter { _ = try ends.writeEnd.writeAll(bytes) }
        } catch {
            // The write's error is the one to tell.
            try? ends.readEnd.close()
            throw error
        }
        return ends.readEnd
    }
}
