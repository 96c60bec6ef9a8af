import Cryptography
import Domain
import NIOCore
import RTMP
import TestKit
import Testing

struct HandshakeTests {
    private let authenticator = SHA256Authentication()

    /// A client's hello in the digest form, made here by the specification's words and not by the code under test.
    private func signedHello(pointer: Int) -> [UInt8] {
        var packet = filler(1536)
        packet.replaceSubrange(4..<8, with: [9, 0, 124, 2])
        let offset = packet[pointer..<pointer + 4].map(Int.init).reduce(0, +) % 728 + pointer + 4
        let rest = Array(packet[..<offset]) + Array(packet[(offset + 32)...])
        packet.replaceSubrange(
            offset..<offset + 32,
            with: authenticator.hmacSHA256(key: Array("Genuine Adobe Flash Player 001".utf8), message: rest))
        return packet
    }

    private func answer(to hello: [UInt8], version: UInt8 = 3, authenticator: (any MessageAuthenticating)?) throws
        -> [UInt8]
    {
        var handshake = ServerHandshake(seed: 5, authenticator: authenticator)
        var input = ByteBuffer(bytes: [version] + hello)
        guard case .send(let bytes) = try handshake.advance(&input) else { return [] }
        return Array(bytes.readableBytesView)
    }

    @Test func echoesAPlainHello() throws {
        let hello = [0, 0, 0, 1, 0, 0, 0, 0] + filler(1528)
        let answer = try answer(to: hello, authenticator: authenticator)
        #expect(answer.count == 3073)
        #expect(answer[0] == 3)
        #expect(answer[5..<9] == [0, 0, 0, 0])
        #expect(Array(answer[1537...]) == hello)
    }

    @Test(arguments: [8, 772])
    func signsForAPeerThatSigns(pointer: Int) throws {
        let hello = signedHello(pointer: pointer)
        let answer = try answer(to: hello, authenticator: authenticator)
        let first = Array(answer[1..<1537])
        #expect(first[4] >= 3)
        let offset = first[pointer..<pointer + 4].map(Int.init).reduce(0, +) % 728 + pointer + 4
        let rest = Array(first[..<offset]) + Array(first[(offset + 32)...])
        #expect(
            Array(first[offset..<offset + 32])
                == authenticator.hmacSHA256(key: Array("Genuine Adobe Flash Media Server 001".utf8), message: rest))
        #expect(Array(answer[1537...]) != hello)
    }

    @Test func answersPlainlyWithoutAnAuthenticatorOrARightDigest() throws {
        let hello = signedHello(pointer: 8)
        #expect(try Array(answer(to: hello, authenticator: nil)[1537...]) == hello)
        for index in [9, 400, 1535] {
            var damaged = hello
            damaged[index] ^= 1
            #expect(try Array(answer(to: damaged, authenticator: authenticator)[1537...]) == damaged)
        }
    }

    @Test(arguments: [(true, true), (true, false), (false, true), (false, false)])
    func joinsOurClientAndServerInEveryMixture(client: Bool, server: Bool) throws {
        for piece in [1, 100, 4000] {
            var ours = ClientHandshake(seed: 3, authenticator: client ? authenticator : nil)
            var theirs = ServerHandshake(seed: 4, authenticator: server ? authenticator : nil)
            var nothing = ByteBuffer()
            guard case .send(var hello) = try ours.advance(&nothing) else {
                Issue.record("The client waits.")
                return
            }
            var answer = ByteBuffer()
            while var part = hello.readSlice(length: min(piece, hello.readableBytes)), part.readableBytes > 0 {
                if case .send(let bytes) = try theirs.advance(&part) { answer = bytes }
            }
            var last = ByteBuffer()
            var isDone = false
            while var part = answer.readSlice(length: min(piece, answer.readableBytes)), part.readableBytes > 0 {
                while true {
                    let step = try ours.advance(&part)
                    if case .send(let bytes) = step {
                        last = bytes
                    } else {
                        isDone = step == .done
                        break
                    }
                }
            }
            #expect(isDone)
            #expect(ours.serverIsVerified == (client && server))
            #expect(try theirs.advance(&last) == .done)
        }
    }

    /// RTMP 1.0 §5.2.2.
    @Test(arguments: [0, 1, 2, 6, 8, 9, 32, 0x47, 0x16, 255] as [UInt8])
    func refusesVersionsAtTheFirstByte(version: UInt8) {
        var handshake = ServerHandshake(seed: 1)
        var input = ByteBuffer(bytes: [version])
        let error = #expect(throws: RTMPError.self) { try handshake.advance(&input) }
        #expect(error?.code == .handshakeVersion)
        #expect(error?.message.contains("RTMPE") == [6, 8, 9].contains(version))
    }

    @Test(arguments: [4, 31] as [UInt8])
    func answersLaterVersionsWithItsOwn(version: UInt8) throws {
        #expect(try answer(to: filler(1536), version: version, authenticator: nil).first == 3)
    }
}
