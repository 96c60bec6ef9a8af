import Domain
import Foundation
import Logging
import NIOCore
import Packaging
import TestKit
import Testing

@testable import FFmpegMedia

/// The programme as hubs hand it to viewers: judged by ffprobe, and by the framing itself.
@Suite(.timeLimit(.minutes(2))) struct WrappingTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func clip(_ change: (inout MediaRecipe) -> Void) throws -> MediaClip {
        try MediaClip.generate(
            MediaRecipe().with {
                $0.seconds = 2; change(&$0)
            })
    }

    /// Two sources after each other: other pictures, another AAC configuration.
    private func packets(of wrapping: any HubPacketWrapping) throws -> (
        packets: [HubPacket], formats: [ProgrammeFormat]
    ) {
        let first = try Self.clip { $0.bFrames = 2 }
        let second = try Self.clip {
            $0.width = 640; $0.height = 360; $0.sampleRate = 44_100; $0.colour = "blue"
        }
        var packets: [HubPacket] = []
        var start = MediaTime.seconds(5)
        for clip in [first, second] {
            packets += [wrapping.joined(clip.format)].compactMap { $0 }
            packets += clip.programme(startingAt: start).compactMap { wrapping.packet($0) }
            start = clip.end(startingAt: start)
        }
        packets += [wrapping.finished()].compactMap { $0 }
        return (packets, [first.format, second.format])
    }

    private func probe(_ bytes: [ByteBuffer], name: String) throws -> String {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let file = folder.appendingPathComponent(name)
        var whole = ByteBuffer()
        for part in bytes { whole.writeImmutableBuffer(part) }
        try Data(whole.readableBytesView).write(to: file)
        let outcome = try MediaTool.run(
            "ffprobe",
            [
                "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0",
                file.path,
            ])
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        return String(decoding: outcome.output, as: UTF8.self)
    }

    @Test func theTransportStreamGoesOnThroughAnotherConfiguration() throws {
        let (packets, _) = try packets(of: TransportStreamWrapping(logger: Self.logger))
        let bytes = packets.map(\.bytes)
        var counters: [Int: UInt8] = [:]
        for (packet, part) in zip(packets, bytes) {
            #expect(part.readableBytes.isMultiple(of: 188))
            for start in stride(from: part.readerIndex, to: part.writerIndex, by: 188) {
                let head = try #require(part.getBytes(at: start, length: 4))
                #expect(head[0] == 0x47)
                guard head[3] & 0x10 != 0 else { continue }
                let pid = Int(head[1] & 0x1F) << 8 | Int(head[2])
                if let last = counters[pid] { #expect(head[3] & 0x0F == (last &+ 1) & 0x0F) }
                counters[pid] = head[3] & 0x0F
            }
            guard packet.startsGroup else { continue }
            // Service description or program association first, the map before the picture.
            let pids = (0..<3).compactMap { part.getInteger(at: part.readerIndex + $0 * 188 + 1, as: UInt16.self) }
                .map { $0 & 0x1FFF }
            #expect(pids.contains(0) && pids.contains(0x1000))
        }
        #expect(packets.filter(\.startsGroup).count == 2)
        let words = try probe(bytes, name: "programme.ts")
        #expect(words.contains("h264,120") && words.contains("aac"), "\(words)")
    }

    /// Another codec is another stream: a PID and a stream type of its own (ISO/IEC 13818-1 table 2-34), tables of the next version, and
    /// a first packet on each PID that says that its counter begins anew.
    @Test(arguments: [FFmpegTransportStreamMuxer.Use.segments, .live])
    func theTransportStreamGoesOnThroughAnotherCodec(use: FFmpegTransportStreamMuxer.Use) throws {
        let h264 = try Self.clip { $0.bFrames = 2 }
        let hevc = try Self.clip {
            $0.codec = .hevc; $0.isOpen = true; $0.bFrames = 2; $0.keyFrameInterval = 30; $0.colour = "blue"
        }
        let muxer = try FFmpegTransportStreamMuxer(for: use)
        var stream = ByteBuffer()
        var start = MediaTime.seconds(5)
        for clip in [h264, hevc, h264] {
            try muxer.beginSegment()
            for unit in clip.programme(startingAt: start) { try muxer.append(unit, format: clip.format) }
            stream.writeImmutableBuffer(try muxer.take(endsSegment: true))
            start = clip.end(startingAt: start)
        }
        let read = try TransportStreamReader(stream)
        #expect(read.maps.map(\.version) == [0, 1, 2])
        #expect(
            read.maps.map(\.streams) == [
                [0x100: 0x1B, 0x101: 0x0F], [0x102: 0x24, 0x101: 0x0F], [0x100: 0x1B, 0x101: 0x0F],
            ])
        #expect(read.problems == [])
        // Delimiter (35), VPS, SPS, PPS; then the picture.
        let key = try #require(read.firstUnit[0x102])
        let types = AnnexB.split(key).compactMap { $0.first }.map { $0 >> 1 & 0x3F }
        #expect(types.prefix(4) == [35, 32, 33, 34] && types.last.map { (16...21).contains($0) } == true)
        let words = try probe([stream], name: "programme.ts")
        #expect(words.contains("h264,120") && words.contains("hevc,60") && words.contains("aac"), "\(words)")
    }

    /// ISO/IEC 13818-1 §2.7.2: clock references come at least each 100 ms, and run before what they are the clock of.
    @Test(arguments: [FFmpegTransportStreamMuxer.Use.segments, .live])
    func theClockComesEachTenthOfASecond(use: FFmpegTransportStreamMuxer.Use) throws {
        let clip = try Self.clip { $0.bFrames = 2 }
        let muxer = try FFmpegTransportStreamMuxer(for: use)
        var stream = ByteBuffer()
        for unit in clip.programme(startingAt: .seconds(3)) {
            try muxer.append(unit, format: clip.format)
            stream.writeImmutableBuffer(try muxer.take(endsSegment: false))
        }
        stream.writeImmutableBuffer(try muxer.take(endsSegment: true))
        var clocks: [UInt64] = []
        for start in stride(from: stream.readerIndex, to: stream.writerIndex, by: 188) {
            let head = try #require(stream.getBytes(at: start, length: 12))
            guard head[3] & 0x20 != 0, head[4] >= 7, head[5] & 0x10 != 0 else { continue }
            clocks.append(head[6...9].reduce(0) { $0 << 8 | UInt64($1) } << 1 | UInt64(head[10] >> 7))
        }
        #expect(clocks.count >= 20)
        for (one, next) in zip(clocks, clocks.dropFirst()) { #expect(next > one && next - one <= 9000) }
        let begin = UInt64((FFmpegTransportStreamMuxer.timeOffset + .seconds(3)).ticks(timescale: 90_000))
        #expect(try #require(clocks.first) < begin)
    }

    /// Association and map at least each 0.4 s (ETSI TR 101 290 §5.2 allows 0.5), however far key frames are apart; the service's
    /// description each two seconds. They cost 1.6 kB a second, and no counter.
    @Test(arguments: [FFmpegTransportStreamMuxer.Use.segments, .live])
    func theTablesComeOftenEnough(use: FFmpegTransportStreamMuxer.Use) throws {
        let muxer = try FFmpegTransportStreamMuxer(for: use)
        var stream = ByteBuffer()
        var start = MediaTime.seconds(3)
        let long = try Self.clip {
            $0.seconds = 4; $0.keyFrameInterval = 600
        }
        for clip in [long, try Self.clip { $0.colour = "blue" }] {
            try muxer.beginSegment()
            for unit in clip.programme(startingAt: start) { try muxer.append(unit, format: clip.format) }
            let segment = try muxer.take(endsSegment: true)
            let first = (0..<3).map { segment.readerIndex + $0 * 188 + 1 }
            let pids = first.compactMap { segment.getInteger(at: $0, as: UInt16.self) }.map { $0 & 0x1FFF }
            #expect(Set(pids) == [0, 0x11, 0x1000])
            stream.writeImmutableBuffer(segment)
            start = clip.end(startingAt: start)
        }
        let read = try TransportStreamReader(stream)
        #expect(read.problems == [])
        let end = try #require(read.lastClock)
        for (pid, limit) in [(0, 36_000), (0x1000, 36_000), (0x11, 180_000)] as [(Int, UInt64)] {
            let times = try #require(read.tables[pid]) + [end]
            let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
            #expect(try #require(gaps.max()) <= limit, "PID \(pid): \(gaps)")
        }
        let packets = read.tables.values.map(\.count).reduce(0, +)
        #expect(packets * 188 <= 1700 * 6)
    }

    @Test func aBrokenPictureIsLeftOutAndTheStreamGoesOn() throws {
        let wrapping = TransportStreamWrapping(logger: Self.logger)
        let clip = try Self.clip { _ in }
        var units = clip.programme(startingAt: .zero)
        #expect(wrapping.packet(units[0]) == nil)
        _ = wrapping.joined(clip.format)
        units[5].payload = ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF, 0x65])
        units[7].payload = ByteBuffer()
        units[9].payload = ByteBuffer(repeating: 0x21, count: 9000)
        units[9].track = .audio
        let packets = units.map { wrapping.packet($0) }
        #expect([5, 7, 9].allSatisfy { packets[$0] == nil })
        #expect(packets.suffix(20).allSatisfy { $0 != nil })
    }

    @Test func soundAloneIsFragmentsThatBeginEachSecond() throws {
        let wrapping = FragmentWrapping(muxers: FFmpegMuxerFactory(), tracks: .audio, logger: Self.logger)
        let (packets, formats) = try packets(of: wrapping)
        #expect(packets.allSatisfy { $0.track == .audio && $0.bytes.getString(at: 4, length: 4) == "moof" })
        // Two clips of two seconds and a bit.
        #expect((4...6).contains(packets.filter(\.startsGroup).count))
        for (one, next) in zip(packets, packets.dropFirst()) {
            #expect(next.decodeTime - one.decodeTime <= .milliseconds(220))
        }
        let second = try #require(
            packets.firstIndex { $0.startsGroup && $0.decodeTime >= .seconds(6.9) })
        let words = try probe(
            [wrapping.header(formats[0], at: .zero)] + packets[..<second].map(\.bytes), name: "sound.mp4")
        #expect(words.contains("aac") && !words.contains("h264"), "\(words)")
    }

    @Test func fragmentsBeginAtKeyFramesAndSources() throws {
        let wrapping = FragmentWrapping(muxers: FFmpegMuxerFactory(), logger: Self.logger)
        let (packets, formats) = try packets(of: wrapping)
        #expect(wrapping.header(formats[0], at: .zero) != wrapping.header(formats[1], at: .zero))
        #expect(wrapping.header(formats[0], at: .zero).getString(at: 4, length: 4) == "ftyp")
        for packet in packets { #expect(packet.bytes.getString(at: 4, length: 4) == "moof") }
        #expect(packets.filter(\.startsGroup).count == 2)
        // 150 ms and a picture's span, and what a source's sound goes on behind its last picture.
        for (one, next) in zip(packets, packets.dropFirst()) {
            #expect(next.decodeTime - one.decodeTime <= .milliseconds(250))
        }
        let second = try #require(packets.lastIndex { $0.startsGroup })
        let runs = [Array(packets[..<second]), Array(packets[second...])]
        for (format, run) in zip(formats, runs) {
            let words = try probe([wrapping.header(format, at: .zero)] + run.map(\.bytes), name: "run.mp4")
            #expect(words.contains("h264,60"), "\(words)")
        }
    }

    /// A browser shows nothing behind a step of more than twice what it was told of the picture before it, until a key frame comes.
    @Test func picturesLastUntilTheNextHoweverManyAnEncoderLeftOut() throws {
        let wrapping = FragmentWrapping(muxers: FFmpegMuxerFactory(), logger: Self.logger)
        let clip = try Self.clip { $0.bFrames = 0 }
        let leftOut: Set<Int> = [5, 9, 10, 17, 18, 19, 20, 31, 33, 35, 44, 45, 46, 47, 48, 49, 50, 51]
        var number = -1
        let units = clip.programme(startingAt: .seconds(5)).filter { unit in
            guard unit.track == .video else { return true }
            number += 1
            return unit.isKeyFrame || !leftOut.contains(number)
        }
        var packets = [wrapping.joined(clip.format)].compactMap { $0 }
        // An estimate that is now too short and now too long.
        for (place, var unit) in units.enumerated() {
            if unit.track == .video { unit.duration = place.isMultiple(of: 3) ? .milliseconds(80) : .milliseconds(25) }
            packets += [wrapping.packet(unit)].compactMap { $0 }
        }
        packets += [wrapping.finished()].compactMap { $0 }
        let pictures = units.filter { $0.track == .video }
        var ends: [Int64] = []
        for packet in packets {
            let start = try #require(decodeTimes(of: packet.bytes).first ?? nil)
            var time = start
            if let last = ends.last { #expect(time == last) }
            for duration in durations(of: packet.bytes, track: 1) {
                time += duration
                ends.append(time)
            }
        }
        #expect(ends.dropLast() == pictures.dropFirst().map { $0.decodeTime.ticks(timescale: 90_000) }[...])
    }

    @Test func soundAloneSaysItselfWhatItIs() throws {
        let (packets, _) = try packets(of: ADTSWrapping())
        #expect(packets.allSatisfy { $0.track == .audio && $0.bytes.getBytes(at: 0, length: 2) == [0xFF, 0xF1] })
        // About each second, and where the source changes.
        #expect((3...6).contains(packets.filter(\.startsGroup).count))
        let first = packets.prefix {
            $0.bytes.getBytes(at: 2, length: 1) == packets[0].bytes.getBytes(at: 2, length: 1)
        }
        #expect(first.count < packets.count)
        #expect(try probe(first.map(\.bytes), name: "sound.aac").contains("aac"))
    }
}
