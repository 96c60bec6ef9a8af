import ControlSocket
import Foundation
import Logging
import NIOPosix
import ServiceLifecycle
import Testing

@Suite struct ControlSocketTests {
    @Test func answersARequestAndKeepsOthersOut() async throws {
        try await withServer { path in
            let json = try await ask(ControlRequest(command: "queue.list", channel: "main"), at: path)
            #expect(json == #"{"command":"queue.list"}"#)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func passesTheServersSentenceOn() async throws {
        try await withServer { path in
            await #expect(throws: ControlError.self) {
                try await ask(ControlRequest(command: "fail", channel: "main"), at: path)
            }
        }
    }

    @Test func saysSoWhenNobodyListens() {
        let error = #expect(throws: ControlError.self) {
            try ControlClient.ask(ControlRequest(command: "x", channel: "main"), at: "/nonexistent/control.sock")
        }
        #expect(error?.code == .noServer)
    }

    @Test func refusesAPathThatNoSocketCanHave() {
        let error = #expect(throws: ControlError.self) {
            try ControlClient.ask(
                ControlRequest(command: "x", channel: "main"), at: "/" + String(repeating: "a", count: 200))
        }
        #expect(error?.code == .pathTooLong)
    }

    /// The client blocks, so it gets a thread of its own.
    private func ask(_ request: ControlRequest, at path: String) async throws -> String {
        try await NIOThreadPool.singleton.runIfActive { try ControlClient.ask(request, at: path) }
    }

    private func withServer(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lineup-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("control.sock").path
        let (bound, isBound) = AsyncStream.makeStream(of: Void.self)
        let server = ControlServer(
            path: path, group: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            onBound: { isBound.finish() }
        ) { request in
            request.command == "fail" ? .failure("no") : .result(json: #"{"command":"\#(request.command)"}"#)
        }
        let group = ServiceGroup(services: [server], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await _ in bound {}
            try await body(path)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
