import Domain
import HTTPTypes
import NIOCore
import NIOWebSocket
import TestKit
import Testing

@testable import WebServer

/// What a viewer may send over a WebSocket (RFC 6455), and how it is told what it may not.
@Suite(.timeLimit(.minutes(2))) struct WebSocketMannersTests {
    typealias Frames = WebSocketViewerMessages

    private static func frame(
        _ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, reserved: UInt8 = 0, masked: Bool = true
    ) -> [UInt8] {
        let first = (fin ? 0x80 : 0) | reserved << 4 | opcode
        let key: [UInt8] = [1, 2, 3, 4]
        let mask: UInt8 = masked ? 0x80 : 0
        let length: [UInt8] =
            payload.count < 126
            ? [mask | UInt8(payload.count)] : [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        guard masked else { return [first] + length + payload }
        return [first] + length + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    private static func closing(_ code: Int, _ reason: [UInt8] = []) -> [UInt8] {
        frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    private static func open(
        _ name: String, _ bytes: [UInt8]..., code: Int
    ) -> (String, [UInt8], Int) { (name, bytes.flatMap { $0 }, code) }

    private static let wrongs: [(String, [UInt8], Int)] = [
        open("not masked", frame(9, [104], masked: false), code: 1002),
        open("a text not masked", frame(1, [104], masked: false), code: 1002),
        open("first reserved bit", frame(1, [97], reserved: 4), code: 1002),
        open("last reserved bit", frame(9, [97], reserved: 1), code: 1002),
        open("opcode 3", frame(3), code: 1002), open("opcode 7", frame(7), code: 1002),
        open("opcode 11", frame(11), code: 1002), open("opcode 15", frame(15), code: 1002),
        open("nothing to go on with", frame(0, [98]), code: 1002),
        open("gone on with behind the end", frame(1, [97], fin: false), frame(0, [98]), frame(0, [99]), code: 1002),
        open("a message inside another", frame(1, [97], fin: false), frame(2, [98]), code: 1002),
        open("a ping in pieces", frame(9, [97], fin: false), code: 1002),
        open("a ping too long", frame(9, Array(repeating: 97, count: 126)), code: 1002),
        open("no UTF-8", frame(1, [0xFF, 0xFE]), code: 1007),
        open("a surrogate in pieces", frame(1, [0xED, 0xA0], fin: false), frame(0, [0x80]), code: 1007),
        open("a letter cut off", frame(1, [0xC3]), code: 1007),
        open("a frame too long", frame(2, Array(repeating: 0, count: 4097)), code: 1009),
        open(
            "a message too long", frame(2, Array(repeating: 0, count: 4096), fin: false), frame(0, [0]), code: 1009),
        open("a length beyond all", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], code: 1009),
        open("a close of one byte", frame(8, [3]), code: 1002),
        open("a reason that is no text", closing(1000, [0xFF]), code: 1007),
    ]

    private static let ends: [(String, [UInt8], Int)] =
        [open("no code", frame(8), code: 1000)]
        + [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999].map { open("\($0)", closing($0, [98]), code: $0) }
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535].map {
            open("\($0)", closing($0), code: 1002)
        }

    private static let handshake =
        "GET /ws/main HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// Over a socket, for the frame decoder in front has its share in the rules.
    private static func code(answering bytes: [UInt8], _ site: TestSite) async throws -> Int? {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            try await writer.write(ByteBuffer(string: handshake))
            #expect(try await reader.read(until: "media"))
            reader.forget()
            // What is right before it is passed over.
            let good = frame(1, [0xC3], fin: false) + frame(10) + frame(0, [0xB6])
            try await writer.write(ByteBuffer(bytes: good + bytes))
            await reader.readToEnd()
            let answer = reader.raw
            guard answer.getBytes(at: 0, length: 2) == [0x88, 2] else { return nil }
            return answer.getInteger(at: 2, as: UInt16.self).map { Int($0) }
        }
    }

    @Test func whatBreaksTheRulesEndsTheConnectionAndAClosesCodeComesBack() async throws {
        let hub = FakeHub(first: [FakeHub.packet("media")])
        try await TestSite.run(streams: ProgrammeStreams { _, _ in hub }) { site async throws in
            for (name, bytes, expected) in Self.wrongs + Self.ends {
                #expect(try await Self.code(answering: bytes, site) == expected, "\(name)")
            }
        }
    }

    @Test func aViewerMayTalkToNobodyWithinBounds() throws {
        var messages = Frames()
        func receive(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) -> Frames.Action {
            messages.receive(
                WebSocketFrame(fin: fin, opcode: opcode, maskKey: [0, 0, 0, 0], data: ByteBuffer(string: text)))
        }
        #expect(receive(.text, "a", fin: false) == .nothing && receive(.ping, "b") == .pong(ByteBuffer(string: "b")))
        #expect(receive(.continuation, "c") == .nothing && receive(.binary, "d") == .nothing)
        for _ in 0..<100 { #expect(receive(.text, String(repeating: "e", count: Frames.maximumBytes)) == .nothing) }
        #expect(receive(.text, "", fin: false) == .nothing)
        for _ in 0..<Frames.maximumBytes { #expect(receive(.continuation, "f", fin: false) == .nothing) }
        #expect(receive(.continuation, "g") == .close(.messageTooLarge))
    }

    /// Nothing piles up for who reads nothing, and who reads again is answered (§5.5.3).
    @Test func aPingBehindAFullSocketIsAnsweredOnceItEmpties() async throws {
        let hub = FakeHub(first: [FakeHub.packet(String(repeating: "m", count: 16 << 20))])
        try await TestSite.run(streams: ProgrammeStreams { _, _ in hub }) { site async throws in
            let (port, group) = (site.port, TestSite.group)
            try await RawConnection.open(port: port, group: group, receiveBuffer: 65_536) { reader, writer in
                try await writer.write(ByteBuffer(string: Self.handshake))
                #expect(try await reader.read(until: "mmmm"))
                try await writer.write(ByteBuffer(bytes: Self.frame(9, [1]) + Self.frame(9, [2])))
                hub.send([.finished])
                await reader.readToEnd()
                #expect(Array(reader.raw.readableBytesView.suffix(7)) == [0x8A, 1, 2, 0x88, 2, 3, 0xE9])
            }
        }
    }

    @Test(arguments: [
        ("Connection", "Upgrade", true), ("Connection", "keep-alive, UPGRADE", true), ("Connection", "upgrade,x", true),
        ("Connection", "noupgradeplease", false), ("Connection", "keep-alive", false),
        ("Upgrade", "WebSocket", true), ("Upgrade", "h2c, websocket", true), ("Upgrade", "websockets", false),
        ("Sec-WebSocket-Version", "12", false), ("Sec-WebSocket-Version", "8, 13", false),
        ("Sec-WebSocket-Key", "AAAA", false), ("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!!!", false),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZXh4", false), ("Sec-WebSocket-Key", "", false),
    ])
    func aHandshakeIsReadWordByWord(name: String, value: String, isGood: Bool) throws {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "x", path: "/ws/main")
        head.headerFields = [
            .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13",
            .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        #expect(WebSocketUpgrade.isHandshake(head))
        head.headerFields[try #require(HTTPField.Name(name))] = value
        #expect(WebSocketUpgrade.isHandshake(head) == isGood)
        head.method = .head
        #expect(!WebSocketUpgrade.isHandshake(head))
    }

    @Test func noHandshakeIsToldWhatIsOne() async throws {
        let hub = FakeHub(first: [FakeHub.packet("media")])
        try await TestSite.run(streams: ProgrammeStreams { _, _ in hub }) { site async throws in
            for (change, by) in [
                ("HTTP/1.1", "HTTP/1.0"), ("Connection: Upgrade", "Connection: noupgradeplease"),
                ("Version: 13", "Version: 12"), ("dGhlIHNhbXBsZSBub25jZQ==", "!!!!!!!!!!!!!!!!!!!!!!!!"),
            ] {
                let text = try await Self.exchange(site, Self.handshake.replacing(change, with: by))
                let answer = try #require(RawAnswer(text))
                #expect(answer.status == 426 && answer.headers["sec-websocket-version"] == "13", "\(by)")
            }
        }
    }

    /// Nothing is read behind a request for another protocol, so nobody may wait for an answer to what is sent there.
    @Test func anUpgradeThatIsNotGrantedClosesBehindItsAnswer() async throws {
        try await TestSite.run { site async throws in
            let next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            let request = next.replacing("Host", with: "Upgrade: h2c\r\nConnection: Upgrade\r\nHost")
            let answer = try #require(RawAnswer(try await Self.exchange(site, request + next)))
            #expect(answer.status == 200 && answer.headers["connection"] == "close" && answer.body == "ok\n")
        }
    }

    private static func exchange(_ site: TestSite, _ request: String) async throws -> String {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            try await writer.write(ByteBuffer(string: request))
            await reader.readToEnd()
            return reader.text
        }
    }
}
