import Domain
import FFmpegMedia
import Foundation
import NIOCore
import TestKit
import Testing

/// The muxer's output as outside tools read it. Clips have different sizes, rates, layouts and reordering.
@Suite struct FragmentMuxerTests {
    static let recipes: [MediaRecipe] = [
        MediaRecipe(),
        MediaRecipe().with {
            $0.bFrames = 2
            $0.width = 640
            $0.height = 360
            $0.frameRate = 25
            $0.keyFrameInterval = 50
        },
        MediaRecipe().with {
            $0.sampleRate = 44_100
            $0.channels = 1
            $0.frameRate = 60
        },
        MediaRecipe().with {
            $0.codec = .hevc
            $0.bFrames = 2
        },
        MediaRecipe().with {
            $0.codec = .hevc
            $0.isOpen = true
            $0.bFrames = 3
            $0.frameRate = 25
            $0.keyFrameInterval = 25
            $0.sampleRate = 44_100
        },
    ]

    @Test(arguments: recipes, [MediaTime.zero, .seconds(100), .seconds(3 * 365 * 86_400 + 0.5)])
    func keepsEveryPacketAndItsTime(recipe: MediaRecipe, start: MediaTime) throws {
        let clip = try MediaClip.generate(recipe)
        let units = clip.programme(startingAt: start)
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        var file = muxer.initializationSection
        var fragment = 0
        for unit in units {
            if unit.track == .video, unit.isKeyFrame, fragment > 0 {
                var bytes = try muxer.flush()
                file.writeBuffer(&bytes)
            }
            fragment += 1
            try muxer.append(unit)
        }
        var rest = try muxer.flush()
        file.writeBuffer(&rest)
        let probed = try probe(file)
        for track in TrackKind.allCases {
            let timescale: Int64 = track == .video ? 90_000 : 48_000
            let expected = units.filter { $0.track == track }
            let packets = probed.packets.filter { $0.codecType == track.rawValue }
            #expect(packets.map(\.dts) == expected.map { $0.decodeTime.ticks(timescale: timescale) })
            #expect(packets.map(\.pts) == expected.map { $0.presentationTime.ticks(timescale: timescale) })
            #expect(
                packets.map { $0.flags?.hasPrefix("K") == true } == expected.map { $0.isKeyFrame || track == .audio })
            // ffprobe shows what its parsers reckon, so the boxes are read here.
            #expect(
                durations(of: file, track: track == .video ? 1 : 2)
                    == expected.map {
                        ($0.decodeTime + $0.duration).ticks(timescale: timescale)
                            - $0.decodeTime.ticks(timescale: timescale)
                    })
        }
        #expect(probed.streams.map(\.id) == ["0x1", "0x2"])
        #expect(probed.streams.map(\.timeBase) == ["1/90000", "1/48000"])
        #expect(probed.streams.last?.sampleRate == String(recipe.sampleRate))
        #expect(probed.streams.last?.channels == recipe.channels)
        #expect(probed.complaints == "")
    }

    /// `hvc1` with the record as it is; CRA pictures of open groups are sync samples (ISO/IEC 14496-15 §8.4.3): no flag says that
    /// they are none (`sample_is_non_sync_sample`, ISO/IEC 14496-12 §8.8.3.1).
    @Test func namesHEVCAsEveryPlayerKnowsIt() throws {
        let clip = try MediaClip.generate(
            MediaRecipe().with {
                $0.codec = .hevc
                $0.isOpen = true
                $0.bFrames = 2
                $0.seconds = 4
                $0.keyFrameInterval = 30
            })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        let section = muxer.initializationSection
        let entry = try #require(
            MP4Boxes.find(["moov", "trak", "mdia", "minf", "stbl", "stsd", "hvc1"], of: section).first)
        // A VisualSampleEntry has 78 bytes of its own (ISO/IEC 14496-12 §12.1.3.2).
        let children = MP4Boxes.boxes(of: section, in: entry.body.lowerBound + 78..<entry.body.upperBound)
        let record = try #require(children.first { $0.type == "hvcC" })
        let written = section.getBytes(at: record.body.lowerBound, length: record.body.count)
        #expect(written == clip.format.video.configuration)
        let pictures = clip.units.filter { $0.track == .video }
        let kinds = pictures.map { HEVCUnitSummary($0.payload).picture }
        #expect(kinds.filter { $0 == .cleanRandomAccess }.count == 3 && kinds.filter { $0 == .leading }.count >= 6)
        let starts: [HEVCPicture?] = [.cleanRandomAccess, .closedRandomAccess]
        #expect(pictures.map(\.isKeyFrame) == kinds.map(starts.contains))
        for unit in clip.programme(startingAt: .zero) { try muxer.append(unit) }
        var file = section
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        let packets = try probe(file).packets.filter { $0.codecType == "video" }
        #expect(packets.filter { $0.flags?.hasPrefix("K") == true }.count == 4)
    }

    /// What a hand-over makes of an open group: the CRA picture as a BLA picture, no leading pictures, behind another source in the
    /// same configuration. A decoder that runs on shows every picture of both, and says nothing.
    @Test func aDecoderRunsOnThroughABrokenLink() throws {
        let recipe = MediaRecipe().with {
            $0.codec = .hevc
            $0.isOpen = true
            $0.bFrames = 3
            $0.seconds = 4
            $0.keyFrameInterval = 30
        }
        let one = try MediaClip.generate(recipe)
        let two = try MediaClip.generate(recipe.with { $0.colour = "blue" })
        try #require(one.format.video.configuration == two.format.video.configuration)
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: one.format, tracks: .video)
        // The first breaks off in the middle of a group, where its order closes.
        let old = one.programme(startingAt: .zero).filter { $0.track == .video }.prefix(41)
        let end = try #require(old.map(\.presentationTime).max()) + .milliseconds(33)
        let pictures = two.programme(startingAt: .zero).filter { $0.track == .video }
        let start = try #require(pictures.firstIndex { $0.isCleanRandomAccess })
        let key = pictures[start]
        let new = pictures[start...].filter { $0.presentationTime >= key.presentationTime }
        for unit in old { try muxer.append(unit) }
        var last = try #require(old.last).decodeTime
        for unit in new {
            var moved = unit
            moved.presentationTime = unit.presentationTime - key.presentationTime + end
            moved.decodeTime = max(unit.decodeTime - key.presentationTime + end, last + .milliseconds(1))
            last = moved.decodeTime
            if unit.decodeTime == key.decodeTime { moved.payload = withBrokenLink(unit.payload) }
            try muxer.append(moved)
        }
        var file = muxer.initializationSection
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        let shown = try tool("ffmpeg", on: file, ["-v", "warning", "-f", "framemd5", "-"])
        #expect(shown.errors == "")
        let lines = String(decoding: shown.output, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count == old.count + new.count)
    }

    @Test func startsEachFragmentAtItsOwnTimeAcrossGaps() throws {
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 2 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        for start in [MediaTime.seconds(10), .seconds(12.5), .seconds(900)] {
            let units = clip.programme(startingAt: start)
            for unit in units { try muxer.append(unit) }
            let times = decodeTimes(of: try muxer.flush())
            let video = units.first { $0.track == .video }?.decodeTime.ticks(timescale: 90_000)
            let audio = units.first { $0.track == .audio }?.decodeTime.ticks(timescale: 48_000)
            #expect(times == [video, audio])
        }
    }

    @Test func beginsFragmentAtTheEndThatTheLastOnePromised() throws {
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 2 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        let video = clip.programme(startingAt: .seconds(5)).filter { $0.track == .video }
        var long = try #require(video.first)
        long.duration = .milliseconds(50)
        try muxer.append(long)
        _ = try muxer.flush()
        let second = try #require(video.dropFirst().first)
        try muxer.append(second)
        #expect(decodeTimes(of: try muxer.flush()) == [(long.decodeTime + long.duration).ticks(timescale: 90_000)])
    }

    @Test func refusesDecodeTimeThatDoesNotRiseAndGoesOn() throws {
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 1 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        let units = clip.programme(startingAt: .seconds(5))
        for unit in units { try muxer.append(unit) }
        #expect(throws: MediaError.self) { try muxer.append(try #require(units.first)) }
        var file = muxer.initializationSection
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        #expect(try probe(file).packets.count == units.count)
    }

    @Test func refusesUnitsBeforeZeroAndWithoutBytes() throws {
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 1 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        var unit = try #require(clip.programme(startingAt: .seconds(1)).first)
        unit.decodeTime = .milliseconds(-1)
        #expect(throws: MediaError.self) { try muxer.append(unit) }
        unit.decodeTime = .seconds(1)
        unit.payload = ByteBuffer()
        #expect(throws: MediaError.self) { try muxer.append(unit) }
        #expect(try muxer.flush().readableBytes == 0)
    }

    @Test func refusesFormatsCutShort() throws {
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 1 })
        for length in 0..<7 {
            var format = clip.format
            format.video.configuration = Array(format.video.configuration.prefix(length))
            #expect(throws: MediaError.self) { try FFmpegMuxerFactory().makeMuxer(for: format) }
        }
    }

    @Test func survivesHostilePayloads() throws {
        var generator = SeededGenerator(seed: 42)
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 1 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        for (index, unit) in clip.programme(startingAt: .zero).enumerated() {
            var broken = unit
            let count = Int.random(in: 1...200, using: &generator)
            broken.payload = ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
            try muxer.append(broken)
            if index % 10 == 9 { #expect(try muxer.flush().readableBytes > 0) }
        }
    }
}

/// Each track fragment's `tfdt`, in the order of the file.
func decodeTimes(of fragment: ByteBuffer) -> [Int64?] {
    MP4Boxes.find(["moof", "traf", "tfdt"], of: fragment).map { box in
        let version = fragment.getInteger(at: box.body.lowerBound, as: UInt8.self)
        return version == 1
            ? fragment.getInteger(at: box.body.lowerBound + 4, as: Int64.self)
            : fragment.getInteger(at: box.body.lowerBound + 4, as: UInt32.self).map(Int64.init)
    }
}

/// The durations in all of a track's `trun` boxes (§8.8.8), with `tfhd`'s default where they have none of their own.
func durations(of file: ByteBuffer, track: UInt32) -> [Int64] {
    var found: [Int64] = []
    for fragment in MP4Boxes.find(["moof", "traf"], of: file) {
        let children = MP4Boxes.boxes(of: file, in: fragment.body)
        guard let header = children.first(where: { $0.type == "tfhd" })?.body.lowerBound,
            file.getInteger(at: header + 4, as: UInt32.self) == track
        else { continue }
        let headerFlags = file.getInteger(at: header, as: UInt32.self) ?? 0
        let optional = [UInt32(1), 2].filter { headerFlags & $0 != 0 }.count
        let usual = file.getInteger(
            at: header + 8 + (headerFlags & 1 != 0 ? 8 : 0) + (optional == 2 ? 4 : 0), as: UInt32.self)
        for run in children where run.type == "trun" {
            let flags = file.getInteger(at: run.body.lowerBound, as: UInt32.self) ?? 0
            let count = file.getInteger(at: run.body.lowerBound + 4, as: UInt32.self) ?? 0
            let fields = [UInt32(0x100), 0x200, 0x400, 0x800].filter { flags & $0 != 0 }.count
            let first = run.body.lowerBound + 8 + [UInt32(1), 4].filter { flags & $0 != 0 }.count * 4
            for sample in 0..<Int(count) {
                let own = flags & 0x100 == 0 ? usual : file.getInteger(at: first + sample * fields * 4, as: UInt32.self)
                found.append(Int64(own ?? 0))
            }
        }
    }
    return found
}

/// What ffprobe and a full decode by ffmpeg say of a file.
struct Probe: Decodable {
    struct Packet: Decodable {
        var codecType: String
        var pts: Int64
        var dts: Int64
        var flags: String?
    }
    struct Stream: Decodable {
        var id: String?
        var timeBase: String
        var sampleRate: String?
        var channels: Int?
        var width: Int?
    }
    var packets: [Packet]
    var streams: [Stream]
    var complaints: String? = ""
}

func probe(_ bytes: ByteBuffer) throws -> Probe {
    let folder = try MediaTool.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
    let file = folder.appendingPathComponent("file.mp4")
    try Data(bytes.readableBytesView).write(to: file)
    let outcome = try MediaTool.run(
        "ffprobe", ["-v", "warning", "-of", "json", "-show_packets", "-show_streams", file.path])
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    var found = try decoder.decode(Probe.self, from: outcome.output)
    let decode = try MediaTool.run("ffmpeg", ["-v", "warning", "-copyts", "-i", file.path, "-f", "null", "-"])
    found.complaints = outcome.errors + decode.errors
    return found
}
