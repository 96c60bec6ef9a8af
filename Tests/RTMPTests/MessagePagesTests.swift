import NIOCore
import RTMP
import TestKit
import Testing

/// Small messages lie behind one another in pages they share (issue 3: memory per publisher beyond its kept GOP).
struct MessagePagesTests {
    private struct Sent {
        var type: UInt8
        var bytes: [UInt8]
    }

    /// A type 0 chunk and as many of type 3 as it takes, video on chunk stream 6 and audio on 4.
    private static func chunks(_ message: Sent, chunkSize: Int) -> [ByteBuffer] {
        let stream: UInt8 = message.type == 9 ? 6 : 4
        let length = message.bytes.count
        var result: [ByteBuffer] = []
        var at = 0
        repeat {
            var chunk = ByteBuffer()
            if at == 0 {
                chunk.writeBytes([
                    stream, 0, 0, 0, UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), message.type,
                    1,
                    0, 0, 0,
                ])
            } else {
                chunk.writeInteger(0xC0 | stream)
            }
            chunk.writeBytes(message.bytes[at..<min(at + chunkSize, length)])
            at += chunkSize
            result.append(chunk)
        } while at < length
        return result
    }

    private static func page(of payload: ByteBuffer) -> UnsafeMutableRawPointer {
        payload.withVeryUnsafeBytesWithStorageManagement { _, owner in owner.toOpaque() }
    }

    @Test func aGroupOfPicturesTakesLittleMoreThanItsBytes() throws {
        var decoder = openDecoder()
        var payloads: [ByteBuffer] = []
        for index in 0..<60 {
            let length = index == 0 ? 90_000 : 6000 + index * 97 % 7000
            let message = Sent(type: 9, bytes: [UInt8](repeating: UInt8(index), count: length))
            for chunk in Self.chunks(message, chunkSize: 128) {
                decoder.append(chunk)
                while let message = try decoder.next() { payloads.append(message.payload) }
            }
        }
        #expect(payloads.count == 60)
        var pages: [UnsafeMutableRawPointer: Int] = [:]
        for payload in payloads { pages[Self.page(of: payload)] = payload.storageCapacity }
        let (taken, sent) = (pages.values.reduce(0, +), payloads.map(\.readableBytes).reduce(0, +))
        #expect(taken < sent + sent / 4, "\(taken) bytes hold \(sent)")
    }

    /// Sound is kept for longer than the pictures beside it.
    @Test func soundAndPicturesShareNoPage() throws {
        var decoder = openDecoder()
        var pages: [UInt8: Set<UnsafeMutableRawPointer>] = [:]
        for index in 0..<100 {
            let message = Sent(type: index % 2 == 0 ? 8 : 9, bytes: [UInt8](repeating: 7, count: 300))
            for chunk in Self.chunks(message, chunkSize: 128) {
                decoder.append(chunk)
                while let message = try decoder.next() {
                    pages[message.type, default: []].insert(Self.page(of: message.payload))
                }
            }
        }
        let (sound, pictures) = (try #require(pages[8]), try #require(pages[9]))
        #expect(sound.isDisjoint(with: pictures))
        #expect(sound.count == 1 && pictures.count == 1)
    }

    /// What was aborted leaves nothing behind, and what is empty takes nothing.
    @Test func abortedAndEmptyMessagesLeaveTheirNeighboursWhole() throws {
        var decoder = openDecoder()
        var seen: [RTMPMessage] = []
        func take(_ chunk: ByteBuffer) throws {
            decoder.append(chunk)
            while let message = try decoder.next() { seen.append(message) }
        }
        let abort = ByteBuffer(bytes: [2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 6])
        for round: UInt8 in 0..<200 {
            let lost = Self.chunks(Sent(type: 9, bytes: [UInt8](repeating: 0xEE, count: 5000)), chunkSize: 128)
            let sound = Self.chunks(Sent(type: 8, bytes: [UInt8](repeating: round, count: 300)), chunkSize: 128)
            for (picture, part) in zip(lost, sound.dropLast()) {
                try take(picture)
                try take(part)
            }
            try take(abort)
            try take(sound[2])
            for length in [0, 700] {
                let picture = Sent(type: 9, bytes: [UInt8](repeating: round, count: length))
                for chunk in Self.chunks(picture, chunkSize: 128) { try take(chunk) }
            }
            #expect(decoder.heldBytes == 0)
        }
        #expect(seen.map(\.payload.readableBytes) == (0..<200).flatMap { _ in [300, 0, 700] })
        for (index, message) in seen.enumerated() {
            #expect(message.payload.readableBytesView.allSatisfy { Int($0) == index / 3 })
        }
    }

    /// What follows in a page never touches what was handed out of it, whoever writes to that.
    @Test func messagesStayWhatTheyWere() throws {
        var random = SeededGenerator(seed: 17)
        for _ in 0..<20 {
            var decoder = openDecoder()
            var open: [UInt8: [ByteBuffer]] = [:]
            var sent: [UInt8: [Sent]] = [8: [], 9: []]
            var seen: [UInt8: [RTMPMessage]] = [8: [], 9: []]
            for _ in 0..<400 {
                // A chunk of either, in any order: two messages are open at once.
                let type: UInt8 = Bool.random(using: &random) ? 8 : 9
                if open[type, default: []].isEmpty {
                    let longest = [200, 2000, 20_000, 90_000, 300_000].randomElement(using: &random) ?? 1
                    let length = Int.random(in: 1...(type == 8 ? min(longest, 20_000) : longest), using: &random)
                    let start = UInt8.random(in: 0...255, using: &random)
                    let message = Sent(type: type, bytes: (0..<length).map { start &+ UInt8(truncatingIfNeeded: $0) })
                    sent[type]?.append(message)
                    open[type] = Self.chunks(message, chunkSize: 128)
                }
                for _ in 0..<Int.random(in: 1...60, using: &random) {
                    guard let chunk = open[type]?.first else { break }
                    open[type]?.removeFirst()
                    decoder.append(chunk)
                    while let message = try decoder.next() {
                        seen[message.type]?.append(message)
                        // A reader that changes its own copy changes nobody else's.
                        var own = message.payload
                        own.setInteger(UInt8(0), at: own.readerIndex)
                        own.writeInteger(UInt64.max)
                    }
                }
            }
            for type: UInt8 in [8, 9] {
                let (sent, seen) = (sent[type] ?? [], seen[type] ?? [])
                #expect(seen.count >= sent.count - 1)
                for (message, original) in zip(seen, sent) {
                    #expect(message.payload.readableBytesView.elementsEqual(original.bytes))
                }
            }
        }
    }
}
