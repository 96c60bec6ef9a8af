import Cryptography
import Domain
import Logging
import NIOPosix
import RTMPTransport
import Testing

struct DigestHandshakeTests {
    /// ffmpeg checks S1 and S2 when the server's version is 3 or more, and gives up when either is wrong.
    @Test func satisfiesFFmpegsCheckOfTheDigests() async throws {
        let server = RTMPServer(
            configuration: RTMPServerConfiguration(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton, gate: RecordingGate(.refuse(.unknownKey)),
            authenticator: SHA256Authentication(), logger: Logger(label: "test"))
        let port = try await server.bind()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let ffmpeg = try FFmpegPublisher(
                input: ["-loglevel", "debug", "-f", "lavfi", "-i", "sine=duration=1"], codecs: ["-c:a", "aac"],
                to: "rtmp://127.0.0.1:\(port)/live/wrong")
            let errors = await ffmpeg.outcome().errors
            #expect(errors.contains("Server version 4.5.0.1"), "\(errors)")
            // It reached the publish, so it took the handshake.
            #expect(errors.contains(PublishRefusal.unknownKey.message), "\(errors)")
            tasks.cancelAll()
        }
    }
}
