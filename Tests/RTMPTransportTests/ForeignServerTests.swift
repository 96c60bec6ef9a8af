import Broadcast
import Domain
import Foundation
import NIOCore
import RTMP
import RTMPTransport
import TestKit
import Testing

/// Our client against servers of others: ffmpeg's, and nginx's where it is installed.
@Suite(.timeLimit(.minutes(2))) struct ForeignServerTests {
    private static let nginxModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

    /// A port that was free a moment ago: these servers cannot choose one themselves.
    private static func freePort() async throws -> Int {
        let server = try await SilentServer.start()
        let port = server.port
        try await server.stop()
        return port
    }

    /// The server is a process that is coming up: tries until it listens.
    private static func publish(_ stage: PlayStage, to address: RTMPAddress) async throws -> RTMPClientSession {
        while true {
            do {
                return try await PlayStage.client().publish(stage.hub, to: address)
            } catch let error as RTMPClientError where error.code == .unreachable {
                await Task.yield()
            }
        }
    }

    @Test func ffmpegTakesWhatWePublish() async throws {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let file = folder.appendingPathComponent("taken.flv").path
        let stage = try PlayStage()
        stage.feed(50)
        let port = try await Self.freePort()
        let url = "rtmp://127.0.0.1:\(port)/live/key"
        let ffmpeg = try FFmpegPublisher(input: ["-listen", "1", "-i", url], codecs: ["-c", "copy"], to: file)
        let session = try await Self.publish(stage, to: PlayStage.address(url))
        stage.feed(250)
        // What the socket has not taken yet is written before the end.
        stage.hub.finished()
        #expect(await session.end() == .finished)
        let outcome = await ffmpeg.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let probe = try MediaTool.run(
            "ffprobe",
            ["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", file])
        let counts = probe.text.split(whereSeparator: \.isNewline).compactMap { Int($0) }
        #expect(counts.count == 2)
        #expect(counts.reduce(0, +) == 300, "\(probe.text) \(outcome.errors)")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: nginxModule)))
    func nginxTakesWhatWePublishAndGivesItBack() async throws {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let port = try await Self.freePort()
        let settings = folder.appendingPathComponent("nginx.conf")
        try """
        load_module \(Self.nginxModule); daemon off; master_process off; worker_processes 1;
        pid \(folder.path)/pid; error_log \(folder.path)/error.log; events {}
        rtmp { server { listen 127.0.0.1:\(port); application live { live on; } } }
        """.write(to: settings, atomically: true, encoding: .utf8)
        let nginx = Process()
        nginx.executableURL = URL(fileURLWithPath: "/usr/sbin/nginx")
        nginx.arguments = ["-p", folder.path, "-c", settings.path]
        nginx.standardOutput = FileHandle.nullDevice
        nginx.standardError = FileHandle.nullDevice
        try nginx.run()
        // It inherits which signals this process blocks, so a gentler one may not reach it.
        defer { kill(nginx.processIdentifier, SIGKILL) }

        let stage = try PlayStage()
        stage.feed(50)
        let address = try PlayStage.address("rtmp://127.0.0.1:\(port)/live/stream")
        let publishing = try await Self.publish(stage, to: address)
        let sink = PlayedSink()
        let playing = try await PlayStage.client().play(address, into: sink)
        // nginx gives a player the picture from the next key frame on; its queue holds 256.
        repeat {
            let before = sink.record.units.count
            stage.feed(50)
            await sink.wait(forUnits: before + 1)
        } while !sink.record.units.contains { $0.track == .video }
        let record = sink.record
        #expect(record.formats.contains(.video(stage.clip.format.video)))
        #expect(record.units.first { $0.track == .video }?.isKeyFrame == true)
        playing.stop()
        publishing.stop()
        #expect(await playing.end() == .finished)
        #expect(await publishing.end() == .finished)
    }
}
