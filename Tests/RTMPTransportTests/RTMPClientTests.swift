import Domain
import Foundation
import Logging
import NIOCore
import RTMP
import PrometheusMetrics
import RTMPTransport
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct RTMPClientTests {
    @Test func publishesAHubToOurServer() async throws {
        let stage = try PlayStage()
        stage.feed(50)
        try await stage.withServer { _, port in
            let session = try await PlayStage.client().publish(
                stage.hub, to: PlayStage.address("rtmp://127.0.0.1:\(port)/live/the-key"))
            await stage.gate.sink.waitForUnit()
            stage.feed(50)
            #expect(await session.lostPackets() == 0)
            session.stop()
            #expect(await session.end() == .finished)
            #expect(await stage.gate.sink.waitForEnd() == .finished)
        }
        let record = stage.gate.sink.record
        #expect(stage.gate.requests.first?.key == Secret("the-key"))
        #expect(record.formats == [.video(stage.clip.format.video), .audio(stage.clip.format.audio)])
        #expect(record.metadata.first?.width == stage.clip.recipe.width)
        #expect(record.units.first?.isKeyFrame == true)
        #expect(record.units.count >= 50)
    }

    @Test func saysWhyAServerRefusedWithoutTheKey() async throws {
        let gate = RecordingGate(.refuse(.unknownKey))
        let stage = try PlayStage()
        try await withServer(gate) { port in
            let error = await #expect(throws: RTMPClientError.self) {
                try await PlayStage.client().publish(
                    stage.hub, to: PlayStage.address("rtmp://127.0.0.1:\(port)/live/very-secret"))
            }
            #expect(error?.code == .ended)
            #expect(error?.message.contains(PublishRefusal.unknownKey.message) == true)
            #expect(error.map { "\($0)".contains("very-secret") } == false)
        }
    }

    @Test func saysThatAServerCannotBeReached() async throws {
        let stage = try PlayStage()
        let error = await #expect(throws: RTMPClientError.self) {
            try await PlayStage.client { $0.connectTimeout = .seconds(2) }.publish(
                stage.hub, to: PlayStage.address("rtmp://127.0.0.1:1/live/key"))
        }
        #expect(error?.code == .unreachable)
    }

    @Test func givesUpOnAServerThatSaysNothing() async throws {
        let silent = try await SilentServer.start()
        let error = await #expect(throws: RTMPClientError.self) {
            try await PlayStage.client { $0.setupDeadline = .milliseconds(200) }.play(
                PlayStage.address("rtmp://127.0.0.1:\(silent.port)/play/main"), into: PlayedSink())
        }
        #expect(error?.cause == .deadline)
        try await silent.stop()
    }

    @Test func believesOnlyCertificatesItIsToldTo() async throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make(name: "localhost")
        let identity = try TLSIdentity(files: folder.files, logger: Logger(label: "test"))
        let stage = try PlayStage()
        stage.feed(20)
        try await stage.withServer(secure: RTMPSListening(port: 0, identity: identity)) { server, _ in
            let port = try #require(server.securePort)
            let address = try PlayStage.address("rtmps://localhost:\(port)/play/main")
            let error = await #expect(throws: RTMPClientError.self) {
                try await PlayStage.client().play(address, into: PlayedSink())
            }
            #expect(error?.code == .notTrusted, "\(String(describing: error))")
            let trusting = PlayStage.client { $0.trust = .authorities(file: folder.files.certificate) }
            let sink = PlayedSink()
            _ = try await trusting.play(address, into: sink)
            await sink.wait(forUnits: 20)
            let publishing = try await trusting.publish(
                stage.hub, to: PlayStage.address("rtmps://127.0.0.1:\(port)/live/key"))
            await stage.gate.sink.waitForUnit()
            publishing.stop()
            #expect(await publishing.end() == .finished)
        }
    }

    @Test func countsWhatIsNoTLS() async throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make()
        let identity = try TLSIdentity(files: folder.files, logger: Logger(label: "test"))
        let metrics = PrometheusMetrics()
        let configuration = RTMPServerConfiguration(host: "127.0.0.1", port: 0)
        try await withSecureServer(configuration, identity, metrics: metrics) { port in
            let plain = try await RawClient.connect(port: port)
            await plain.flood(PeerBytes.handshake(), limit: 1)
            // That it is closed, with or without an alert, is all that is waited for.
            _ = try? await plain.received()
        }
        #expect(metrics.render().contains("lineup_rtmp_refusals_total{reason=\"tlsHandshake\"} 1\n"))
    }

    @Test func countsTimeInTLSAgainstTheDeadline() async throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make()
        let identity = try TLSIdentity(files: folder.files, logger: Logger(label: "test"))
        var configuration = RTMPServerConfiguration(host: "127.0.0.1", port: 0)
        configuration.limits.publishDeadline = .milliseconds(300)
        try await withSecureServer(configuration, identity) { port in
            let silent = try await RawClient.connect(port: port)
            #expect(try await silent.received().readableBytes == 0)
        }
    }

    @Test(arguments: [
        ("rtmp://host/app/name", "rtmp://host/app", 1935), ("rtmps://host/app/name?x=1", "rtmps://host/app", 443),
        ("rtmp://[::1]:1936/a/b/key", "rtmp://[::1]:1936/a/b", 1936),
    ])
    func readsAddressesAndKeepsTheNameToItself(text: String, shown: String, port: Int) throws {
        let address = try PlayStage.address(text)
        #expect(address.description == shown)
        #expect(address.port == port)
    }

    @Test func goesToAnotherServerWithItsNameButNeverFromTLSIntoTheClear() throws {
        let plain = try PlayStage.address("rtmp://host/app/key")
        #expect(plain.redirected(to: Secret("rtmp://other:1936/live"))?.description == "rtmp://other:1936/live")
        #expect(plain.redirected(to: Secret("rtmps://other/live"))?.name == Secret("key"))
        #expect(plain.redirected(to: Secret("http://other/live")) == nil)
        let secure = try PlayStage.address("rtmps://host/app/key")
        #expect(secure.redirected(to: Secret("rtmp://other/live")) == nil)
        #expect(secure.redirected(to: Secret("rtmps://other/live"))?.isSecure == true)
    }

    /// Two servers that send it on: to ours, which takes it, and to themselves, which it leaves.
    @Test func followsARedirectAndNoCircle() async throws {
        let stage = try PlayStage()
        stage.feed(50)
        try await stage.withServer { _, port in
            let sender = try await RedirectingServer.start(to: "rtmp://127.0.0.1:\(port)/live")
            let session = try await PlayStage.client().publish(
                stage.hub, to: PlayStage.address("rtmp://127.0.0.1:\(sender.port)/app/the-key"))
            await stage.gate.sink.waitForUnit()
            session.stop()
            #expect(await session.end() == .finished)
            #expect(sender.connections == 1)
            try await sender.stop()
        }
        #expect(stage.gate.requests.first?.key == Secret("the-key"))
        let circle = try await RedirectingServer.start(to: nil)
        let error = await #expect(throws: RTMPClientError.self) {
            try await PlayStage.client().publish(
                stage.hub, to: PlayStage.address("rtmp://127.0.0.1:\(circle.port)/app/the-key"))
        }
        guard case .redirected? = error?.cause else {
            Issue.record("It ended with \(String(describing: error)).")
            return
        }
        #expect(circle.connections == 4)
        try await circle.stop()
    }

    @Test(arguments: [
        "http://host/app/name", "rtmp:///app/name", "rtmp://host", "rtmp://host/app", "rtmp://host:0/a/b",
    ])
    func refusesWhatIsNoAddress(text: String) { #expect(RTMPAddress(Secret(text)) == nil) }
}
