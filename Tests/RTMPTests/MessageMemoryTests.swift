import CMalloc
import Domain
import Glibc
import NIOCore
import RTMP
import TestKit
import Testing

/// What a message costs in memory and in copies while it comes (issue 3, musts 2 and 8), seen in the system's own figures: pages
/// that this thread touched first, and pages of this process that are there.
@Suite(.serialized) struct MessageMemoryTests {
    private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

    init() {
        // As the server does at its start (`AllocatorSettings`).
        #expect(mallopt(M_MMAP_THRESHOLD, Int32(ChunkDecoder.pagedRoomBytes)) == 1)
    }

    /// A type 0 header of a video message, and the Set Chunk Size to 65,536 before it.
    private static func begin(_ length: Int) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0])
        bytes.writeBytes([UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), 9, 1, 0, 0, 0])
        return bytes
    }

    private static func pagesTouched() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD, which Swift does not import: other tests run beside this one.
        #expect(getrusage(1, &usage) == 0)
        return usage.ru_minflt
    }

    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = line.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }.split(
            separator: " ")
        return (Int(fields.dropFirst().first ?? "") ?? 0) * pageBytes
    }

    /// Had growing copied what was there, each step would have touched new pages for it: 1.9 times the message's in all. Two grow in
    /// turn, since a block that is the last of its heap grows where it is.
    @Test(arguments: [70_000, 131_072, 400_000, 3_000_000, 12_000_000])
    func messagesThatOutgrowTheirRoomAreNotCopied(length: Int) throws {
        var decoders = [openDecoder(), openDecoder()]
        for index in decoders.indices {
            decoders[index].append(Self.begin(length))
            #expect(try decoders[index].next() == nil)
        }
        // One read's bytes, over and over: their own pages are touched before the count begins.
        let chunk = ByteBuffer(repeating: 7, count: 65_536)
        let header = ByteBuffer(bytes: [0xC4])
        let before = Self.pagesTouched()
        var (left, messages) = (length, [RTMPMessage]())
        while left > 0 {
            let count = min(left, 65_536)
            left -= count
            for index in decoders.indices {
                decoders[index].append(try #require(chunk.getSlice(at: 0, length: count)))
                if let message = try decoders[index].next() { messages.append(message) }
                guard left > 0 else { continue }
                decoders[index].append(header)
                #expect(try decoders[index].next() == nil)
            }
        }
        let touched = Self.pagesTouched() - before
        #expect(messages.count == decoders.count)
        for message in messages {
            #expect(message.payload == ByteBuffer(repeating: 7, count: length))
        }
        let pages = messages.count * length / Self.pageBytes
        #expect(touched <= pages + pages / 4 + 64, "\(touched) pages were touched for \(pages)")
    }

    /// From the message on, the picture is a piece of it: the access unit's bytes are where the one copy put them.
    @Test func theAccessUnitSharesItsMessagesMemory() throws {
        var decoder = openDecoder()
        var media = MediaTagDecoder()
        // A configuration, then a key picture without parameter sets, each behind FLV's tag header.
        let record = buffer(
            "17 00 000000 0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800")
        var picture = ByteBuffer(bytes: [0x17, 1, 0, 0, 0, 0, 0, 0x75, 0x30, 0x65])
        picture.writeRepeatingByte(7, count: 29_999)
        var units: [AccessUnit] = []
        for body in [record, picture] {
            decoder.append(Self.begin(body.readableBytes))
            #expect(try decoder.next() == nil)
            decoder.append(body)
            let message = try #require(try decoder.next())
            var event = try media.videoReceived(message.payload, timestamp: 0)
            while let seen = event {
                if case .unit(let unit) = seen {
                    units.append(unit)
                    let offset = unit.payload.withUnsafeReadableBytes { own in
                        message.payload.withUnsafeReadableBytes { whole in
                            own.baseAddress.flatMap { base in whole.baseAddress.map { base - $0 } }
                        }
                    }
                    #expect(offset == 5)
                }
                event = media.nextEvent()
            }
        }
        #expect(units.count == 1 && units[0].isKeyFrame)
        let unit = withParameterSets(units[0].payload, format: .synthetic(width: 640, frameRate: 30, mark: 1))
        #expect(unit.front.readableBytes > 0)
        #expect(unit.payload == units[0].payload)
    }

    /// 8 GB are announced, 33 MB come, and that is what is there.
    @Test func whatIsAnnouncedAndNotSentIsNotThere() throws {
        let sent = 66_000
        let before = Self.residentBytes()
        var decoders: [ChunkDecoder] = []
        let bytes = ByteBuffer(repeating: 7, count: sent - 65_536)
        let chunk = ByteBuffer(repeating: 7, count: 65_536)
        for _ in 0..<500 {
            var decoder = openDecoder()
            for part in [Self.begin(0xFF_FFFF), chunk, ByteBuffer(bytes: [0xC4]), bytes] {
                decoder.append(part)
                #expect(try decoder.next() == nil)
            }
            #expect(decoder.heldBytes == sent)
            decoders.append(decoder)
        }
        let grown = Self.residentBytes() - before
        #expect(grown < 500 * (sent + 32_768), "\(grown / 500) bytes are there for each of \(sent)")
        withExtendedLifetime(decoders) {}
    }
}
