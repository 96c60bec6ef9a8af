import Domain
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import PostgresTestKit
import Synchronization
import TestKit
import Testing

@testable import WebhookClient

/// Requests to servers of every kind: good, silent, slow, endless, lying.
@Suite(.timeLimit(.minutes(2))) struct WebhookClientTests {
    private static let group = MultiThreadedEventLoopGroup.singleton

    private func client(allowing networks: [String] = ["127.0.0.0/8"]) throws -> WebhookClient {
        try WebhookClient(
            group: Self.group, policy: AddressPolicy(allowing: networks.compactMap { AddressPolicy.Network($0) }),
            userAgent: "Lineup/test")
    }

    private func request(_ url: String, timeout: Duration = .seconds(20)) -> OutboundRequest {
        OutboundRequest(
            method: .post, url: Secret(url), headers: [TargetHeader(name: "X-Own", value: Secret("value"))],
            body: Array("{\"a\":1}".utf8), timeout: timeout)
    }

    /// What comes of a request to a server that answers so.
    private func result(
        _ behaviour: ScriptedServer.Behaviour, timeout: Duration = .seconds(20)
    ) async throws -> Result<OutboundAnswer, OutboundError> {
        let server = try await ScriptedServer.start(behaviour, group: Self.group)
        let result: Result<OutboundAnswer, OutboundError>
        do throws(OutboundError) {
            let client: WebhookClient
            do { client = try self.client() } catch { throw .busy }
            result = .success(
                try await client.send(request("http://127.0.0.1:\(server.port)/in?x=1", timeout: timeout)))
        } catch {
            result = .failure(error)
        }
        try await server.stop()
        return result
    }

    @Test func sendsWhatItIsGivenAndReadsTheAnswer() async throws {
        let server = try await ScriptedServer.start(
            .say("HTTP/1.1 201 Created\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nok"), group: Self.group)
        let answer = try await client().send(request("http://127.0.0.1:\(server.port)/in?x=1"))
        #expect(answer.status == 201 && answer.body == Array("ok".utf8) && answer.headers["retry-after"] == "7")
        let text = server.received
        #expect(text.hasPrefix("POST /in?x=1 HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
        #expect(text.contains("X-Own: value\r\n") && text.contains("User-Agent: Lineup/test\r\n"))
        #expect(text.hasSuffix("Content-Length: 7\r\n\r\n{\"a\":1}"))
        try await server.stop()
    }

    @Test func readsTheBeginningOfAnEndlessAnswer() async throws {
        let answer = try await result(
            .endless(
                head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                piece: "400\r\n" + String(repeating: "x", count: 1024) + "\r\n")
        ).get()
        #expect(answer.status == 200 && answer.body.count == OutboundLimits.answerBytes)
    }

    @Test func endsWithAPeerThatSendsHeadsWithoutEnd() async throws {
        let result = try await result(
            .endless(head: "HTTP/1.1 200 OK\r\n", piece: "X-A: \(String(repeating: "y", count: 900))\r\n"))
        #expect(result == .failure(.brokenAnswer))
    }

    @Test func endsWithAPeerThatSendsInterimAnswersWithoutEnd() async throws {
        let result = try await result(.endless(head: "", piece: "HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n"))
        #expect(result == .failure(.brokenAnswer))
    }

    @Test func givesASilentPeerNoMoreThanItsTime() async throws {
        let began = ContinuousClock.now
        #expect(try await result(.hang, timeout: .milliseconds(300)) == .failure(.timedOut))
        #expect(ContinuousClock.now - began >= .milliseconds(300))
    }

    @Test func givesSlowBytesNoMoreThanTheirTime() async throws {
        let result = try await result(
            .drip("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", every: .milliseconds(40)),
            timeout: .milliseconds(600))
        #expect(result == .failure(.timedOut))
    }

    @Test func followsNoRedirect() async throws {
        let answer = try await result(
            .say("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        ).get()
        #expect(answer.status == 302)
    }

    @Test(arguments: [
        "", "SMTP ready\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 99999 X\r\n\r\n",
    ])
    func tellsABrokenAnswer(_ text: String) async throws {
        #expect(try await result(.sayAndClose(text)) == .failure(.brokenAnswer))
    }

    @Test func tellsThatNobodyIsThere() async throws {
        let server = try await ScriptedServer.start(.hang, group: Self.group)
        let port = server.port
        try await server.stop()
        await #expect(throws: OutboundError.unreachable) {
            try await client().send(request("http://127.0.0.1:\(port)/"))
        }
    }

    @Test func connectsToNoPrivateAddressByAddressOrByName() async throws {
        let server = try await ScriptedServer.start(
            .say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), group: Self.group)
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"] {
            await #expect(throws: OutboundError.self, "\(host)") {
                try await client(allowing: []).send(request("http://\(host):\(server.port)/"))
            }
        }
        #expect(server.connections == 0)
        #expect(throws: OutboundError.addressNotAllowed) {
            try client(allowing: []).place(of: Secret("http://10.0.0.1/x"))
        }
        try await server.stop()
    }

    @Test func findsNamesAndTellsUnknownOnes() async throws {
        let server = try await ScriptedServer.start(.say("HTTP/1.1 204 No Content\r\n\r\n"), group: Self.group)
        let client = try client(allowing: ["127.0.0.0/8", "::1"])
        #expect(try await client.send(request("http://localhost:\(server.port)/")).status == 204)
        await #expect(throws: OutboundError.unknownName) {
            try await client.send(request("http://nobody.invalid/"))
        }
        try await server.stop()
    }

    /// A certificate for this name and 127.0.0.1, in a folder of its own, and what a server shows of it.
    private func certificate(for name: String, _ folder: URL) throws -> (file: String, server: NIOSSLContext) {
        let (file, key) = (folder.appendingPathComponent("\(name).pem").path, folder.appendingPathComponent("key").path)
        let made = try MediaTool.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", key, "-out", file,
            ])
        try #require(made.status == 0, "\(made.errors)")
        return (
            file,
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
        )
    }

    @Test func deliversOverTLSToAReceiverWhoseCertificateHoldsAndToNoOther() async throws {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let taken = ScriptedServer.Behaviour.sayAndClose("HTTP/1.1 204 No Content\r\n\r\n")
        func client(_ trust: NIOSSLTrustRoots) throws -> WebhookClient {
            try WebhookClient(
                group: Self.group,
                policy: AddressPolicy(allowing: ["127.0.0.0/8", "::1"].compactMap { AddressPolicy.Network($0) }),
                trust: trust, userAgent: "Lineup/test")
        }
        let right = try certificate(for: "localhost", folder)
        let server = try await ScriptedServer.start(taken, group: Self.group, tls: right.server)
        let url = "https://localhost:\(server.port)/hook"
        #expect(try await client(.file(right.file)).send(request(url)).status == 204)
        #expect(server.received.hasPrefix("POST /hook HTTP/1.1\r\nHost: localhost:"))
        // Nobody vouches for it; and a right certificate of another name.
        await #expect(throws: OutboundError.tls) { try await client(.default).send(request(url)) }
        try await server.stop()
        let wrong = try certificate(for: "elsewhere.example", folder)
        let other = try await ScriptedServer.start(taken, group: Self.group, tls: wrong.server)
        await #expect(throws: OutboundError.tls) {
            try await client(.file(wrong.file)).send(request("https://localhost:\(other.port)/hook"))
        }
        #expect(other.received.isEmpty)
        try await other.stop()
    }

    @Test func tellsTLSThatDoesNotHold() async throws {
        let server = try await ScriptedServer.start(.say("this is no TLS\r\n\r\n"), group: Self.group)
        await #expect(throws: OutboundError.tls) {
            try await client().send(request("https://127.0.0.1:\(server.port)/"))
        }
        try await server.stop()
    }

    @Test func itsErrorsNameNoHostAndNoURL() {
        let all: [OutboundError] = [
            .invalidURL, .addressNotAllowed, .unknownName, .unreachable, .timedOut, .tls, .brokenAnswer, .busy,
        ]
        for error in all { #expect(!error.description.contains("127") && !"\(error)".isEmpty) }
    }
}

/// Files of lines.
struct JSONLineFilesTests {
    @Test func appendsRotatesAndMendsALineThatWasCutShort() async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let files = JSONLineFiles(folder: URL(fileURLWithPath: folder + "/events"), maximumBytes: 100)
        func text(_ name: String) -> String {
            (try? String(contentsOfFile: folder + "/events/" + name, encoding: .utf8)) ?? ""
        }
        try await files.append([Array("{\"a\":1}".utf8), Array("{\"a\":2}".utf8)], to: "x.jsonl")
        #expect(text("x.jsonl") == "{\"a\":1}\n{\"a\":2}\n")
        let handle = try #require(FileHandle(forWritingAtPath: folder + "/events/x.jsonl"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"cut".utf8))
        try await files.append([Array("{\"a\":3}".utf8)], to: "x.jsonl")
        #expect(text("x.jsonl") == "{\"a\":1}\n{\"a\":2}\n{\"cut\n{\"a\":3}\n")
        for number in 4..<40 {
            try await files.append(
                [Array("{\"a\":\(number),\"filler\":\"0123456789012345678901234567\"}".utf8)], to: "x.jsonl")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/events").sorted()
        #expect(names == ["x.jsonl"] + (1...JSONLineFiles.kept).map { "x.jsonl.\($0)" })
        #expect(text("x.jsonl").contains("\"a\":39") && text("x.jsonl.1").contains("\"a\":37"))
        #expect(names.allSatisfy { text($0).utf8.count <= 100 })
    }

    @Test func saysWhenItCannotWrite() async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        #expect(FileManager.default.createFile(atPath: folder + "/taken", contents: nil))
        let files = JSONLineFiles(folder: URL(fileURLWithPath: folder + "/taken"))
        await #expect(throws: LineFileError.self) { try await files.append([[1]], to: "x") }
    }

    @Test func thousandLinesAtOnceStayWhole() async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let files = JSONLineFiles(folder: URL(fileURLWithPath: folder))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    try await files.append((0..<10).map { Array("{\"n\":\(number * 10 + $0)}".utf8) }, to: "x")
                }
            }
            try await group.waitForAll()
        }
        let lines = try String(contentsOfFile: folder + "/x", encoding: .utf8).split(separator: "\n")
        #expect(Set(lines) == Set((0..<1000).map { "{\"n\":\($0)}" }))
    }
}
