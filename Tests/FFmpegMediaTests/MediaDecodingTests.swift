import Domain
import Foundation
import Logging
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import FFmpegMedia

/// Levels and stills through real child processes.
@Suite(.timeLimit(.minutes(2))) struct MediaDecodingTests {
    /// The worker alone, built beside the tests.
    static let program = DecodeProgram(
        executable: URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("DecodeChild").path, arguments: [])

    private func running(
        _ program: DecodeProgram = program, _ body: (MediaDecoding) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let decoding = MediaDecoding(program: program, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await decoding.run() }
            try await body(decoding)
            group.cancelAll()
        }
    }

    private func units(_ format: AudioFormat, _ frames: [ByteBuffer]) -> [AccessUnit] {
        frames.enumerated().map { index, frame in
            let time = MediaTime(
                ticks: Int64(index * format.samplesPerFrame), timescale: Int64(format.sampleRate))
            return AccessUnit(
                track: .audio, decodeTime: time, presentationTime: time, isKeyFrame: true, payload: frame)
        }
    }

    /// The levels of a clip once the decoder has settled.
    private func levels(_ decoding: MediaDecoding, _ clip: (AudioFormat, [ByteBuffer])) async throws -> SoundLevels {
        let (stream, next) = AsyncStream.makeStream(of: SoundLevels.self)
        let feed = try #require(decoding.decoding.sound?.open(isEssential: false) { next.yield($0) })
        feed.append(clip.0)
        feed.watched(true)
        var told: [SoundLevels] = []
        var answers = stream.makeAsyncIterator()
        // A quarter of a second at a time, as it comes in real time.
        let all = units(clip.0, clip.1)
        for start in stride(from: 0, to: all.count - 16, by: 16) {
            for unit in all[start..<start + 16] { feed.append(unit) }
            if let one = await answers.next() { told.append(one) }
        }
        feed.end()
        return try #require(told.dropFirst().last)
    }

    @Test func tellsHowLoudATonesChannelsAre() async throws {
        try await running { decoding in
            // ffmpeg's sine is an eighth of full scale: −18 dBFS, 3 dB less on each side of stereo, and 3 dB less in RMS.
            let both = try await levels(decoding, SoundClips.aac("sine=frequency=440:duration=3"))
            #expect(both.channels.count == 2)
            for channel in both.channels {
                #expect(abs(channel.peak + 21) < 1.5, "peak \(channel.peak)")
                #expect(abs(channel.rms + 24) < 1.5, "rms \(channel.rms)")
            }
            #expect(!both.isOneSided)
            let mono = try await levels(decoding, SoundClips.aac("sine=frequency=440:duration=3", channels: 1))
            #expect(mono.channels.count == 1 && abs(mono.peak + 18) < 1.5)
            let left = try await levels(
                decoding, SoundClips.aac("sine=frequency=440:duration=3,pan=stereo|c0=c0|c1=0*c0"))
            #expect(abs(left.channels[0].peak + 18) < 1.5)
            #expect(left.channels[1].peak < SoundLevels.silence)
            #expect(left.isOneSided)
            let opus = try await levels(decoding, SoundClips.opus("sine=frequency=440:duration=3"))
            #expect(opus.channels.count == 2 && abs(opus.peak + 21) < 2, "Opus \(opus.peak)")
        }
    }

    @Test func knowsSilenceThatIsPaddedToAConstantBitrate() async throws {
        try await running { decoding in
            let clip = SoundClips.paddedSilence(frames: 128)
            #expect(clip.1[0].readableBytes > 200, "by its size it is sound")
            let levels = try await levels(decoding, clip)
            #expect(levels.channels.map(\.peak) == [SoundLevels.floor, SoundLevels.floor])
            let faint = try await self.levels(decoding, SoundClips.opus("anullsrc=r=48000:cl=stereo:d=3"))
            #expect(faint.peak < SoundLevels.silence)
        }
    }

    @Test func dropsWhatIsTooMuchAndRefusesMoreThanItsBound() async throws {
        let meters = SoundMeters {}
        let all = (0..<SoundMeters.maximumFeeds).compactMap { _ in meters.open(isEssential: false) { _ in } }
        #expect(all.count == SoundMeters.maximumFeeds - 8)
        #expect(meters.open(isEssential: true) { _ in } != nil)
        let clip = SoundClips.paddedSilence(frames: 5_000)
        all[0].append(clip.0)
        for unit in units(clip.0, clip.1) { all[0].append(unit) }
        let job = try #require(meters.next(for: 1))
        #expect(job.question.payload.readableBytes < 300 << 10)
        #expect(meters.next(for: 1) == nil, "a feed is due once")
    }

    @Test func asksLessOftenWhileNobodyLooks() throws {
        let meters = SoundMeters {}
        let feed = try #require(meters.open(isEssential: true) { _ in })
        let clip = SoundClips.paddedSilence(frames: 64)
        feed.append(clip.0)
        let all = units(clip.0, clip.1)
        // 21.3 ms each, rounded down: 22 are just short of 480 ms, and 12 are more than 240 ms.
        for unit in all.prefix(22) { feed.append(unit) }
        #expect(meters.next(for: 1) == nil)
        feed.append(all[22])
        #expect(meters.next(for: 1) != nil)
        feed.watched(true)
        for unit in all.prefix(12) { feed.append(unit) }
        #expect(meters.next(for: 1) != nil)
    }

    // MARK: Stills

    private func still(
        _ decoding: MediaDecoding, _ format: VideoFormat, _ picture: ByteBuffer
    ) async -> Result<ByteBuffer, StillError> {
        await withCheckedContinuation { continuation in
            decoding.decoding.stills?.makeStill(format, picture) { continuation.resume(returning: $0) }
        }
    }

    /// Width, height and the colour of the middle, judged by ffmpeg.
    private func look(_ jpeg: ByteBuffer) throws -> (width: Int, height: Int, colour: [UInt8]) {
        let file = try MediaTool.temporaryFolder().appendingPathComponent("still.jpg")
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }  // Only litter is lost.
        try Data(jpeg.readableBytesView).write(to: file)
        let size = try MediaTool.run(
            "ffprobe", ["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", file.path])
        let numbers = size.text.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        let pixel = try MediaTool.run(
            "ffmpeg",
            [
                "-v", "error", "-i", file.path, "-vf", "crop=2:2,scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
            ])
        return (numbers[0], numbers[1], Array(pixel.output.prefix(3)))
    }

    private func keyFrame(_ recipe: MediaRecipe) throws -> (VideoFormat, ByteBuffer) {
        let clip = try MediaClip.generate(recipe)
        let key = try #require(clip.units.first { $0.track == .video && $0.isKeyFrame })
        return (clip.format.video, key.payload)
    }

    @Test func makesASmallJPEGOfAKeyFrame() async throws {
        try await running { decoding in
            var recipe = MediaRecipe().with { ($0.seconds, $0.width, $0.height, $0.colour) = (1, 1280, 720, "lime") }
            var (format, picture) = try keyFrame(recipe)
            let wide = try look(try await still(decoding, format, picture).get())
            #expect((wide.width, wide.height) == (480, 270))
            #expect(wide.colour[1] > 200 && wide.colour[0] < 60 && wide.colour[2] < 60, "lime is \(wide.colour)")
            recipe = recipe.with { ($0.width, $0.height, $0.colour, $0.bFrames) = (180, 320, "blue", 2) }
            (format, picture) = try keyFrame(recipe)
            let tall = try look(try await still(decoding, format, picture).get())
            #expect((tall.width, tall.height) == (180, 320))
            #expect(tall.colour[2] > 200 && tall.colour[0] < 60, "blue is \(tall.colour)")
            // HEVC: the CRA picture of an open group, alone.
            let clip = try MediaClip.generate(
                MediaRecipe().with {
                    ($0.seconds, $0.codec, $0.isOpen, $0.bFrames, $0.keyFrameInterval) = (2, .hevc, true, 3, 30)
                })
            let key = try #require(
                clip.units.first { $0.track == .video && HEVCUnitSummary($0.payload).picture == .cleanRandomAccess })
            let red = try look(try await still(decoding, clip.format.video, key.payload).get())
            #expect((red.width, red.height) == (320, 180))
            #expect(red.colour[0] > 200 && red.colour[2] < 60, "red is \(red.colour)")
        }
    }

    @Test func outlivesBrokenKeyFrames() async throws {
        try await running { decoding in
            let (format, picture) = try keyFrame(MediaRecipe().with { $0.seconds = 1 })
            let good = Array(picture.readableBytesView)
            var generator = SeededGenerator(seed: 20)
            var outcomes: [StillError?] = []
            for round in 0..<150 {
                var (bytes, format) = (good, format)
                switch round % 3 {
                case 0: bytes = Array(good.prefix(Int.random(in: 0..<good.count, using: &generator)))
                case 1: bytes = (0..<good.count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                default: format.configuration[Int.random(in: 0..<format.configuration.count, using: &generator)] ^= 0x5A
                }
                for _ in 0..<8 where !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                        in: .min ... .max, using: &generator)
                }
                switch await still(decoding, format, ByteBuffer(bytes: bytes)) {
                case .success: outcomes.append(nil)
                case .failure(let error): outcomes.append(error)
                }
            }
            #expect(!outcomes.contains(.busy))
            #expect(outcomes.contains(.undecodable))
            // Whatever they did, the next good one is made.
            guard case .success = await still(decoding, format, picture) else {
                Issue.record("no still after broken ones")
                return
            }
            #expect(await still(decoding, format, ByteBuffer(repeating: 7, count: 5 << 20)) == .failure(.undecodable))
        }
    }

    @Test func tellsWhoseQuestionTheWorkerWasLostOver() async throws {
        // One that reads nothing, one that talks nonsense, one that is not there.
        for program in [("/bin/true", []), ("/bin/echo", ["no answer at all"]), ("/nowhere/worker", [])] {
            try await running(DecodeProgram(executable: program.0, arguments: program.1)) { decoding in
                #expect(
                    await still(decoding, .synthetic(width: 640, frameRate: 25, mark: 1), ByteBuffer(string: "picture"))
                        == .failure(.workerLost))
            }
        }
    }

    @Test func answersEverybodyWhenItStops() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let decoding = MediaDecoding(program: Self.program, logger: logger)
        let run = Task { try await decoding.run() }
        run.cancel()
        try await run.value
        #expect(
            await still(decoding, .synthetic(width: 640, frameRate: 25, mark: 1), ByteBuffer(string: "picture"))
                == .failure(.workerLost))
    }
}
