import DeliveryMemory
import Domain
import FFmpegMedia
import Foundation
import Logging
import NIOCore
import Packaging
import TestKit
import Testing

/// Whole broadcasts through the real muxer, played by ffmpeg and mpv.
@Suite struct PlayoutTests {
    /// Packages the clips one after another and writes everything to a folder, the playlist ended so that players stop.
    private func broadcast(_ clips: [MediaClip], from start: MediaTime) throws -> URL {
        let store = HLSChannelStore()
        store.declare(Envelope(), for: .main, memory: HostDeliveryMemory())
        let packager = HLSPackager(
            channel: .main, muxers: FFmpegMuxerFactory(), store: store, memory: HostDeliveryMemory(),
            firstMediaSequence: 0, firstDiscontinuitySequence: 0,
            wallTimeAtProgrammeZero: WallTime(milliseconds: 1_700_000_000_000),
            logger: Logger(label: "test"))
        var at = start
        for clip in clips {
            packager.joined(ProgrammeJoin(session: nil, at: at, formatChanged: true), format: clip.format)
            let units = clip.programme(startingAt: at)
            for unit in units { packager.unit(unit) }
            // The next source's first picture follows the last; audio that is longer overlaps, as at a real join.
            at = units.filter { $0.track == .video }.map { $0.decodeTime + $0.duration }.max() ?? at
            at = max(at, units.filter { $0.track == .audio }.map { $0.decodeTime + $0.duration }.max() ?? at)
        }
        packager.finished()
        let folder = try MediaTool.temporaryFolder()
        var names = ["index.m3u8", "media.m3u8", "audio.m3u8", "index-ts.m3u8", "ts.m3u8"]
        for number in 0..<packager.currentNumbers.mediaSequence {
            names += ["init-\(number).mp4", "segment-\(number).m4s", "segment-\(number).ts"]
            names += ["audio-init-\(number).mp4", "audio-\(number).m4s"]
        }
        for name in names {
            guard case .found(let resource) = store.resource(.main, name: name) else { continue }
            var bytes = Data(resource.body.readableBytesView)
            if name.hasSuffix(".m3u8"), !name.hasPrefix("index") { bytes += Data("#EXT-X-ENDLIST\n".utf8) }
            try bytes.write(to: folder.appendingPathComponent(name))
        }
        return folder
    }

    /// Short, so that a broadcast of four fits into one playlist.
    private static let base = MediaRecipe().with { $0.seconds = 3.5 }

    @Test(arguments: [
        // The same audio, other pictures: sizes, rates, reordering, long groups.
        [
            base,
            base.with {
                $0.width = 640
                $0.height = 360
                $0.bFrames = 2
                $0.frameRate = 25
                $0.colour = "green"
            },
            base.with {
                $0.keyFrameInterval = 250
                $0.frameRate = 60
                $0.colour = "blue"
            }, base,
        ],
        // One DJ whose key frames are 8.3 s apart.
        [
            base.with {
                $0.keyFrameInterval = 250
                $0.seconds = 20
            }
        ],
        // 44.1 kHz throughout.
        [
            base.with { $0.sampleRate = 44_100 },
            base.with {
                $0.sampleRate = 44_100; $0.width = 480; $0.height = 270
            },
        ],
    ])
    func playsInFFmpegAndMPVWithoutAMessage(recipes: [MediaRecipe]) throws {
        let clips = try recipes.map(MediaClip.generate)
        let folder = try broadcast(clips, from: .seconds(86_400 * 400))
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let playlist = folder.appendingPathComponent("index.m3u8").path
        let decoded = try MediaTool.run(
            "ffmpeg",
            [
                "-v", "warning", "-i", playlist, "-vsync", "passthrough", "-enc_time_base:v", "1:90000", "-f", "null",
                "-",
            ])
        #expect(decoded.status == 0)
        #expect(unexpected(decoded.errors) == "")
        let played = try MediaTool.run(
            "ffprobe",
            [
                "-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0",
                playlist,
            ])
        let pictures = clips.flatMap(\.units).filter { $0.track == .video }.count
        let frames = clips.flatMap(\.units).filter { $0.track == .audio }.count
        #expect(
            Set(played.text.split(separator: "\n").map(String.init)).isSuperset(of: [
                "video,\(pictures)", "audio,\(frames)",
            ]))
        let mpv = try MediaTool.run(
            "mpv",
            [
                "--no-config", "--vo=null", "--ao=null", "--ao-null-untimed=yes", "--untimed", "--msg-level=all=warn",
                playlist,
            ])
        #expect(mpv.status == 0)
        #expect(unexpected(mpv.errors + mpv.text) == "")
    }

    /// What players built on FFmpeg cannot follow in fragmented MP4, they follow here (design §5, Formats).
    @Test func theTransportStreamFollowsEveryChangeOfPictureAndSound() throws {
        let clips = try [
            Self.base,
            Self.base.with {
                $0.sampleRate = 44_100
                $0.channels = 1
                $0.width = 640
                $0.height = 360
                $0.bFrames = 2
            }, Self.base,
        ].map(MediaClip.generate)
        let folder = try broadcast(clips, from: .seconds(100))
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let decoded = try MediaTool.run(
            "ffmpeg",
            [
                "-v", "warning", "-i", folder.appendingPathComponent("index-ts.m3u8").path, "-vsync",
                "passthrough", "-enc_time_base:v", "1:90000", "-f", "null", "-",
            ])
        #expect(decoded.status == 0)
        #expect(unexpected(decoded.errors) == "")
        let played = try MediaTool.run(
            "ffprobe",
            [
                "-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0",
                folder.appendingPathComponent("ts.m3u8").path,
            ])
        let pictures = clips.flatMap(\.units).filter { $0.track == .video }.count
        let frames = clips.flatMap(\.units).filter { $0.track == .audio }.count
        #expect(
            Set(played.text.split(separator: "\n").map(String.init)).isSuperset(of: [
                "video,\(pictures)", "audio,\(frames)",
            ]))
    }

    /// What a tool complains of, without what design §5 (Formats) accepts: FFmpeg skips a second init section, and says so.
    private func unexpected(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("[") && !$0.contains("Found duplicated MOOV Atom. Skipped it") }
            .joined(separator: "\n")
    }

    @Test func playsOnInVLCAcrossHandOvers() throws {
        let short = Self.base.with { $0.seconds = 1 }
        let clips = try [
            short,
            short.with {
                $0.width = 640
                $0.height = 360
            }, short,
        ].map(MediaClip.generate)
        let folder = try broadcast(clips, from: .seconds(100))
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        // VLC refuses to run as root.
        let change = getuid() == 0 ? ["setpriv", "--reuid=nobody", "--clear-groups"] : []
        let outcome = try MediaTool.run(
            "env",
            ["HOME=/nonexistent"] + change + [
                "cvlc", "--vout", "dummy", "--aout", "dummy", "--play-and-exit", "-vv",
                folder.appendingPathComponent("index.m3u8").path,
            ])
        #expect(outcome.status == 0)
        for number in 0..<3 { #expect(outcome.errors.contains("/segment-\(number).m4s")) }
        #expect(outcome.errors.contains("Failed to create demuxer") == false)
    }

    @Test func aLateViewerStartsAtAnySegmentThatClaimsToBeIndependent() throws {
        let clip = try MediaClip.generate(Self.base.with { $0.bFrames = 2 })
        let folder = try broadcast([clip], from: .seconds(1000))
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        for number in 0..<2 {
            var whole = try Data(contentsOf: folder.appendingPathComponent("init-0.mp4"))
            whole += try Data(contentsOf: folder.appendingPathComponent("segment-\(number).m4s"))
            let file = folder.appendingPathComponent("late.mp4")
            try whole.write(to: file)
            let decoded = try MediaTool.run("ffmpeg", ["-v", "warning", "-i", file.path, "-f", "null", "-"])
            #expect(unexpected(decoded.errors) == "")
            let first = try MediaTool.run(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0",
                    "-read_intervals", "%+#1", file.path,
                ])
            #expect(abs((Double(first.text.split(separator: "\n").first ?? "") ?? 0) - Double(1000 + number * 2)) < 0.1)
        }
    }
}
