import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import WebServer

/// Which requests are read without NIO's codec, and that they say the same.
@Suite struct WholeRequestTests {
    private static let usual =
        "GET /hls/main/media.m3u8?_HLS_msn=7 HTTP/1.1\r\nHost: live.example:8080\r\nUser-Agent: VLC/3.0\r\n"
        + "Accept: */*\r\nRange: bytes=0-\r\nConnection: keep-alive\r\nIcy-MetaData: 1\r\n\r\n"

    private static func read(_ text: String) -> WholeRequestReader.Reading {
        var reader = WholeRequestReader()
        return reader.read(ByteBuffer(string: text))
    }

    private static func head(_ fields: String, line: String = "GET /hls/main/media.m3u8 HTTP/1.1") -> String {
        "\(line)\r\nHost: x\r\n\(fields)\r\n"
    }

    @Test func whatPlayersSendIsRead() throws {
        guard case .media(let request) = Self.read(Self.usual) else { throw Failure.notRead }
        #expect(request.method == .get && request.target == "/hls/main/media.m3u8?_HLS_msn=7")
        #expect(request.headers.userAgent == "VLC/3.0" && request.headers.range == "bytes=0-")
        guard
            case .media(let other) = Self.read(
                "HEAD /dash/main/manifest.mpd HTTP/1.1\r\nhOST:x\r\nACCEPT-ENCODING: \t gzip\r\nx-forwarded-for: 1\r\n"
                    + "X-Forwarded-For: 2\r\n\r\n")
        else { throw Failure.notRead }
        #expect(other.method == .head && other.target == "/dash/main/manifest.mpd")
        #expect(other.headers.acceptsGzip && other.headers.forwardedFor == "1,2" && other.headers.userAgent == nil)
    }

    private enum Failure: Error { case notRead }

    /// Its lines are kept from the last request; another's are read anew.
    @Test func everyRequestOfAConnectionIsReadByItself() throws {
        var reader = WholeRequestReader()
        for (index, agent) in ["one", "one", "two", "one", "three"].enumerated() {
            let text = Self.head("User-Agent: \(agent)\r\n", line: "GET /hls/main/\(index) HTTP/1.1")
            guard case .media(let request) = reader.read(ByteBuffer(string: text)) else { throw Failure.notRead }
            #expect(request.target == "/hls/main/\(index)" && request.headers.userAgent == agent)
        }
        guard case .unclear = reader.read(ByteBuffer(string: Self.head("Expect: 100-continue\r\n"))) else {
            throw Failure.notRead
        }
        guard case .media(let last) = reader.read(ByteBuffer(string: Self.head("User-Agent: three\r\n"))) else {
            throw Failure.notRead
        }
        #expect(last.headers.userAgent == "three")
    }

    @Test(arguments: ["GET / HTTP/1.1", "GET /api/v1/x HTTP/1.1", "HEAD /hlsx/main HTTP/1.1"])
    func whatIsForSomethingElseIsWhole(line: String) {
        guard case .other = Self.read(Self.head("", line: line)) else {
            Issue.record("\(line) was not taken for another's")
            return
        }
    }

    static let unclear: [String] =
        [
            "POST /hls/main/x HTTP/1.1", "OPTIONS /hls/main/x HTTP/1.1", "GET /hls/main/x HTTP/1.0",
            "GET  /hls/main/x HTTP/1.1",
            "GET http://x/hls/main/x HTTP/1.1", "GET /hls/main/ä HTTP/1.1", "get /hls/main/x HTTP/1.1",
            "GET /hls/main/x http/1.1",
            "GET /hls/main/x  HTTP/1.1", "GET /hls/main/x", " GET /hls/main/x HTTP/1.1", "GET * HTTP/1.1",
            "\r\nGET /hls/main/x HTTP/1.1",
        ].map { head("", line: $0) }
        + [
            "Host: y\r\n", "Content-Length: 0\r\n", "Content-length: 5\r\n", "Transfer-Encoding: chunked\r\n",
            "Upgrade: websocket\r\n",
            "Connection: close\r\n", "Connection: Upgrade\r\n", "Connection: keep-alive, Upgrade\r\n",
            "Connection:\r\n",
            "Expect: 100-continue\r\n", "Trailer: x\r\n", "HTTP2-Settings: x\r\n", "Name: x \r\n", "Name : x\r\n",
            ": x\r\n", "Name\r\n", " folded: x\r\n",
            "Name: a\u{0}b\r\n", "Name: a\u{7F}\r\n", "Name: ä\r\n", "Nä: x\r\n", "Name: a\rb\r\n", "Name: a\n",
            "Name: a\nX: b\r\n",
            "\r\nGET /hls/main/y HTTP/1.1\r\nHost: x\r\n", "\r\nmore", String(repeating: "X: y\r\n", count: 65),
            "X: " + String(repeating: "y", count: 4_096) + "\r\n",
        ].map { head($0) }
        + [
            "GET /hls/main/x HTTP/1.1\r\n\r\n", "GET /hls/main/x HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET /hls/main/x HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET /hls/main/x HTTP/1.1\r\nHost: x\r\n", "GET /hls/main/x HTTP/1.1\r\nHost: x\r\n\r", "", "\r\n\r\n",
            "GET /",
        ]

    @Test(arguments: unclear) func whatIsNotPlainIsLeftToTheCodec(text: String) {
        guard case .unclear = Self.read(text) else {
            Issue.record("\(text.debugDescription) was taken")
            return
        }
    }

    /// Whatever is read here is, for NIO's codec, one request to the same address with the same words and without a body, behind which
    /// nothing is left over.
    @Test func whatIsReadIsWhatTheCodecReads() throws {
        var generator = SystemRandomNumberGenerator()
        let seeds =
            [Self.usual, Self.head("User-Agent: a\r\nAccept-Encoding: gzip\r\nOrigin: https://a\r\n")] + Self.unclear
        let strange = Array("\r\n:;, \t/?#%&=0aZ{}\"\u{0}\u{7F}é".utf8)
        var (read, reader) = (0, WholeRequestReader())
        for round in 0..<20_000 {
            var bytes = Array(seeds[round % 4 == 0 ? round / 4 % seeds.count : round % 2].utf8)
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: bytes[at] = strange.randomElement(using: &generator) ?? 0
                case 1: bytes.insert(strange.randomElement(using: &generator) ?? 0, at: at)
                case 2: bytes.remove(at: at)
                default: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            let request: WholeRequest?
            switch reader.read(ByteBuffer(bytes: bytes)) {
            case .unclear: continue
            case .other: request = nil
            case .media(let media): request = media
            }
            read += 1
            let parts = try Self.decoded(bytes)
            let text = String(decoding: bytes, as: UTF8.self).debugDescription
            guard parts.count == 2, case .head(let head) = parts[0], case .end = parts[1] else {
                Issue.record("not one request without a body: \(text)")
                return
            }
            #expect(head.isKeepAlive && head.version == .http1_1, "\(text)")
            #expect(HTTP1RulesHandler.look(at: head) == (true, false), "\(text)")
            guard let request else { continue }
            let codec = PlainHTTP1Wire.read(parts[0])
            #expect(request.target == head.uri && request.method == codec.method, "\(text)")
            #expect("\(request.headers)" == "\(codec.headers)", "\(text)")
        }
        #expect(read > 4_000)
    }

    private static func decoded(_ bytes: [UInt8]) throws -> [HTTPServerRequestPart] {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .fireError)))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        var parts: [HTTPServerRequestPart] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) { parts.append(part) }
        return parts
    }
}
