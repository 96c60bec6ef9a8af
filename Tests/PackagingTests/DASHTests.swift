import DeliveryMemory
import Domain
import FFmpegMedia
import Foundation
import Logging
import NIOCore
import Packaging
import TestKit
import Testing

/// MPEG-DASH out of the same segments as HLS, through the real muxer.
@Suite(.timeLimit(.minutes(3))) struct DASHTests {
    private let store = HLSChannelStore()
    private let slots = DateRanges()
    private let outputs = OutputSwitches()

    private func makePackager() -> HLSPackager {
        HLSPackager(
            channel: .main, muxers: FFmpegMuxerFactory(), store: store,
            memory: HostDeliveryMemory(), slots: slots, outputs: outputs, firstMediaSequence: 100,
            firstDiscontinuitySequence: 5,
            wallTimeAtProgrammeZero: WallTime(milliseconds: 1_700_000_000_000), logger: Logger(label: "test"))
    }

    private func play(_ packager: HLSPackager, _ clip: MediaClip, from start: MediaTime, joins: Bool = true)
        -> MediaTime
    {
        if joins { packager.joined(ProgrammeJoin(session: nil, at: start, formatChanged: true), format: clip.format) }
        for unit in clip.programme(startingAt: start) { packager.unit(unit) }
        return clip.end(startingAt: start)
    }

    private func found(_ name: String) -> DeliveredResource? {
        guard case .found(let resource) = store.resource(.main, name: name) else { return nil }
        return resource
    }

    private func manifest() -> String { found("manifest.mpd").map { String(buffer: $0.body) } ?? "" }

    private struct Template {
        var initialization: String
        var media: String
        var timescale: Double
        var offset: Int64
        var segments: [(number: Int64, time: Int64, duration: Int64)] = []
    }

    /// Every segment template with its timeline unrolled.
    private func templates() throws -> [Template] {
        var made: [Template] = []
        for line in manifest().split(separator: "\n") {
            let fields = attributes(line)
            if line.contains("<SegmentTemplate ") {
                made.append(
                    Template(
                        initialization: try #require(fields["initialization"]), media: try #require(fields["media"]),
                        timescale: try #require(fields["timescale"].flatMap(Double.init)),
                        offset: try #require(fields["presentationTimeOffset"].flatMap { Int64($0) })))
                made[made.count - 1].segments = [(try #require(fields["startNumber"].flatMap { Int64($0) }), 0, 0)]
            } else if line.contains("<S ") {
                var list = made[made.count - 1].segments
                let start = list[0].duration == 0 ? list.removeFirst().number : list[list.count - 1].number + 1
                var time = fields["t"].flatMap { Int64($0) } ?? list.last.map { $0.time + $0.duration } ?? 0
                let duration = try #require(fields["d"].flatMap { Int64($0) })
                for index in 0...(fields["r"].flatMap { Int64($0) } ?? 0) {
                    list.append((start + index, time, duration))
                    time += duration
                }
                made[made.count - 1].segments = list
            }
        }
        return made
    }

    private func attributes(_ line: Substring) -> [String: String] {
        var found: [String: String] = [:]
        for match in line.matches(of: /(\w+)="([^"]*)"/) { found[String(match.1)] = String(match.2) }
        return found
    }

    private static let first = MediaRecipe().with { $0.seconds = 6 }
    private static let second = MediaRecipe().with {
        $0.seconds = 6
        $0.width = 640
        $0.height = 360
        $0.bFrames = 2
        $0.frameRate = 25
        $0.keyFrameInterval = 50
        $0.sampleRate = 44_100
        $0.colour = "blue"
    }

    @Test func eachPeriodPlaysByItselfAndHoldsEveryUnit() throws {
        let clips = try [Self.first, Self.second].map(MediaClip.generate)
        let packager = makePackager()
        slots.show(
            ProgrammeSlot(
                id: "slot-1", name: "A & <B>", start: WallTime(milliseconds: 1_700_000_101_000), plannedEnd: nil),
            now: WallTime(milliseconds: 1_700_000_101_000))
        var at = MediaTime.seconds(100)
        for clip in clips { at = play(packager, clip, from: at) }
        packager.finished()
        let templates = try templates()
        try #require(templates.count == 4)
        // The first picture is shown at 100.021 s.
        #expect(manifest().contains(#"presentationTime="979" messageData="A &amp; &lt;B&gt;""#))
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        for (index, template) in templates.enumerated() {
            let track: TrackKind = index.isMultiple(of: 2) ? .video : .audio
            let units = clips[index / 2].units.filter { $0.track == track }
            var whole = try #require(found(template.initialization)).body
            var heads: [Int64] = []
            for segment in template.segments {
                let name = template.media.replacing("$Number$", with: String(segment.number))
                let body = try #require(found(name), "\(name)").body
                whole.writeImmutableBuffer(body)
                heads.append(segment.time)
            }
            let file = folder.appendingPathComponent("\(index).mp4")
            try Data(whole.readableBytesView).write(to: file)
            let probed = try MediaTool.run(
                "ffprobe",
                [
                    "-v", "error", "-show_entries", "packet=codec_type,pts,flags", "-of", "csv=p=0", file.path,
                ])
            let rows = probed.text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
            #expect(probed.errors.isEmpty, "\(probed.errors)")
            #expect(rows.count == units.count && rows.allSatisfy { $0.first == track.rawValue })
            // Every entry of the timeline is the time of a unit that a player can begin with.
            let starts = Set(rows.filter { $0.last?.hasPrefix("K") == true }.compactMap { Int64($0[1]) })
            for head in heads { #expect(starts.contains(head), "\(track) \(head)") }
            for (one, next) in zip(template.segments, template.segments.dropFirst()) {
                #expect(next.number == one.number + 1 && next.time == one.time + one.duration)
            }
            let decoded = try MediaTool.run("ffmpeg", ["-v", "warning", "-i", file.path, "-f", "null", "-"])
            #expect(decoded.status == 0)
        }
        // Sound and pictures of a segment begin within 50 ms of each other, where decoding does; so do the periods.
        for pair in [0, 2] {
            #expect(abs(Double(templates[pair].offset) / 90_000 - Double(templates[pair + 1].offset) / 48_000) < 0.0001)
            for (pictures, sound) in zip(templates[pair].segments, templates[pair + 1].segments) {
                #expect(abs(Double(pictures.time) / 90_000 - Double(sound.time) / 48_000) < 0.12)
            }
        }
    }

    /// OUT-11, "no drift": after an hour the timeline ends where the programme does, without a hole on the way.
    @Test func anHourDoesNotDrift() throws {
        let clip = try MediaClip.generate(
            MediaRecipe().with {
                $0.seconds = 8; $0.width = 64; $0.height = 36
            })
        let packager = makePackager()
        var at = MediaTime.zero
        packager.joined(ProgrammeJoin(session: nil, at: at, formatChanged: true), format: clip.format)
        var periods: Set<String> = []
        while at < .seconds(3600) {
            // A whole number of pictures, and the sound as long: as a DJ's encoder goes on for ever.
            let units = clip.programme(startingAt: at)
            let end = at + .seconds(8)
            for unit in units where unit.decodeTime < end { packager.unit(unit) }
            at = end
            let starts = manifest().matches(of: /Period id="(\w+)" start="(PT[0-9.]+S)"/).map { "\($0.1) \($0.2)" }
            periods.formUnion(starts)
        }
        let templates = try templates()
        try #require(templates.count == 2)
        for template in templates {
            for (one, next) in zip(template.segments, template.segments.dropFirst()) {
                #expect(Double(next.time - one.time - one.duration) / template.timescale < 0.03)
            }
            let last = try #require(template.segments.last)
            let end = Double(last.time + last.duration) / template.timescale
            #expect(end > at.seconds - 4.1 && end <= at.seconds + 0.05, "\(end) of \(at.seconds)")
        }
        // One period all along, which never moved.
        #expect(periods.count == 1, "\(periods)")
        // The window is bounded: what left it cannot be had.
        #expect(found("video-segment-100.m4s") == nil && found("video-init-100.mp4") != nil)
    }

    /// What is back begins a period with the next segment, and every file it names is there.
    @Test func whileItIsOffNothingIsMadeForItAndItComesBackWithWhatIsThere() throws {
        let clip = try MediaClip.generate(Self.first)
        let packager = makePackager()
        var at = play(packager, clip, from: .zero)
        at = play(packager, clip, from: at)
        #expect(!manifest().isEmpty && found("video-segment-100.m4s") != nil)
        _ = outputs.set([.hls])
        at = play(packager, clip, from: at)
        let off = try #require(store.numbers(of: .main)?.mediaSequence) - 1
        #expect(manifest().isEmpty)
        #expect(found("segment-\(off - 1).m4s") != nil && found("video-segment-\(off - 1).m4s") == nil)
        _ = outputs.set([.hls, .dash])
        for _ in 0..<2 { at = play(packager, clip, from: at) }
        packager.finished()
        let templates = try templates()
        #expect(!templates.isEmpty)
        for template in templates {
            #expect(found(template.initialization) != nil)
            #expect(template.segments.allSatisfy { $0.number > off })
            for segment in template.segments {
                #expect(found(template.media.replacing("$Number$", with: String(segment.number))) != nil)
            }
        }
    }
}
