import Domain
import FFmpegMedia
import Foundation
import NIOCore
import TestKit
import Testing

/// Slates, made by the worker's own code and read back by the maker through a real child process.
@Suite struct SlateTests {
    static let request = SlateRequest(
        text: "Nobody is on air\nqueue up: 100% \\ 'now': %{pts}, [a]=b;c", width: 1280, height: 720, frameRate: 30,
        sampleRate: 48_000, channels: 2)

    /// A maker whose child prints what the worker wrote for `request` before.
    private func makeThroughChild(_ request: SlateRequest) async throws -> SlateClip {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let file = folder.appendingPathComponent("slate")
        try Data().write(to: file)
        try SlateWorker.run(request, to: try FileHandle(forWritingTo: file))
        return try await SlateWorkerMaker(executable: "/bin/cat", arguments: { _ in [file.path] }).makeSlate(request)
    }

    /// The clip looped for `seconds`, as the programme shows it.
    private func loop(_ clip: SlateClip, seconds: Double) -> [ProgrammeUnit] {
        var units: [ProgrammeUnit] = []
        let step = clip.videoDuration / Int64(clip.video.count)
        var time = MediaTime.zero
        while time < .seconds(seconds) {
            for unit in clip.video {
                units.append(
                    ProgrammeUnit(
                        track: .video, decodeTime: time + unit.decodeTime,
                        presentationTime: time + unit.presentationTime,
                        duration: step, isKeyFrame: unit.isKeyFrame, payload: unit.payload))
            }
            time = time + clip.videoDuration
        }
        let audio = clip.format.audio
        for frame in 0..<Int64(seconds * Double(audio.sampleRate) / Double(audio.samplesPerFrame)) {
            let start = MediaTime(ticks: frame * Int64(audio.samplesPerFrame), timescale: Int64(audio.sampleRate))
            units.append(
                ProgrammeUnit(
                    track: .audio, decodeTime: start, presentationTime: start, duration: audio.frameDuration,
                    isKeyFrame: true, payload: clip.silence))
        }
        return units.sorted { $0.decodeTime < $1.decodeTime }
    }

    @Test(arguments: [
        request,
        SlateRequest(text: "", width: 641, height: 359, frameRate: 25, sampleRate: 44_100, channels: 1),
        SlateRequest(text: "DJ Ünïcode ♫", width: 1920, height: 1080, frameRate: 60, sampleRate: 32_000, channels: 2),
    ])
    func loopsForTenSecondsWithoutAMessageFromDecoders(request: SlateRequest) async throws {
        let clip = try await makeThroughChild(request)
        #expect(clip.videoDuration == .seconds(2))
        #expect(clip.video.count == request.frameRate * 2)
        #expect(clip.video.map(\.isKeyFrame) == [true] + Array(repeating: false, count: clip.video.count - 1))
        #expect(clip.video.allSatisfy { $0.decodeTime == $0.presentationTime })
        #expect(clip.format.video.profile == 100)
        #expect(clip.format.video.parameterSets.map { ($0.first ?? 0) & 0x1F } == [7, 8])
        let units = loop(clip, seconds: 10)
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        for unit in units { try muxer.append(unit) }
        var file = muxer.initializationSection
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        let probed = try probe(file)
        #expect(probed.complaints == "")
        #expect(probed.packets.filter { $0.codecType == "video" }.count == request.frameRate * 10)
        #expect(probed.packets.filter { $0.flags?.hasPrefix("K") == true && $0.codecType == "video" }.count == 5)
        #expect(probed.streams.map(\.width) == [(request.width + 1) & ~1, nil])
        #expect(probed.streams.last?.sampleRate == String(request.sampleRate))
    }

    /// For a DJ who sends HEVC: the same picture, closed and without reordering as in H.264, and no change of codec in their slot.
    @Test(arguments: [(1280, 720, 30), (640, 360, 25), (1920, 1080, 60)])
    func loopsInHEVC(width: Int, height: Int, rate: Int) async throws {
        var request = Self.request
        (request.codec, request.width, request.height, request.frameRate) = (.hevc, width, height, rate)
        let clip = try await makeThroughChild(request)
        #expect(clip.format.video.codec == .hevc && clip.format.video.profile == 1)
        #expect(clip.format.video.width == width && clip.format.video.height == height)
        #expect(clip.format.video.parameterSets.map { ($0.first ?? 0) >> 1 } == [32, 33, 34])
        #expect(clip.video.count == rate * 2)
        let kinds = clip.video.map { HEVCUnitSummary($0.payload).picture }
        #expect(kinds == [.closedRandomAccess] + Array(repeating: .trailing, count: kinds.count - 1))
        #expect(Envelope().codecReason(.video(clip.format.video)) != nil)
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        for unit in loop(clip, seconds: 6) { try muxer.append(unit) }
        var file = muxer.initializationSection
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        let probed = try probe(file)
        #expect(probed.complaints == "")
        #expect(probed.packets.filter { $0.codecType == "video" }.count == rate * 6)
    }

    @Test func refusesASlateInAnotherCodec() async {
        var request = Self.request
        request.codec = .av1
        await #expect { try await SlateWorkerMaker(executable: "/nonexistent").makeSlate(request) } throws: {
            ($0 as? MediaError)?.code == .invalidRequest
        }
    }

    /// A file that ffmpeg makes of its test picture; the caller removes the folder.
    private func testFile(_ name: String, _ arguments: [String]) throws -> URL {
        let file = try MediaTool.temporaryFolder().appendingPathComponent(name)
        let outcome = try MediaTool.run(
            "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10"] + arguments + [file.path])
        try #require(outcome.status == 0)
        return file
    }

    /// An odd name, to show that nothing in it has a meaning to libavformat or libavfilter.
    @Test func loopsAnImageForTwoSeconds() async throws {
        let file = try testFile("a: b,c;[d]'%.png", ["-frames:v", "1", "-update", "1"])
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }  // Only litter is lost.
        var request = Self.request
        request.file = file.path
        let clip = try await makeThroughChild(request)
        #expect(clip.video.count == 60)
        #expect(clip.videoDuration == .seconds(2))
        #expect(clip.format.video.width == 1280 && clip.format.video.height == 720)
    }

    @Test func loopsAClipAtTheSlatesRateUpToItsLimit() async throws {
        let file = try testFile("clip.mp4", ["-t", "3", "-pix_fmt", "yuv420p"])
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }  // Only litter is lost.
        var request = Self.request
        request.file = file.path
        let clip = try await makeThroughChild(request)
        #expect((89...92).contains(clip.video.count))
        #expect(clip.video.filter(\.isKeyFrame).count == 1)
        request.frameRate = 120
        request.width = 320
        request.height = 240
        #expect(try await makeThroughChild(request).video.count == 240)
    }

    @Test func saysSoWhenTheFileIsNoPicture() throws {
        var request = Self.request
        request.file = "/dev/null"
        #expect(throws: MediaError.self) { try SlateWorker.run(request, to: .nullDevice) }
    }

    @Test func isSilent() async throws {
        let clip = try await makeThroughChild(Self.request)
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        for unit in loop(clip, seconds: 3) { try muxer.append(unit) }
        var file = muxer.initializationSection
        var fragment = try muxer.flush()
        file.writeBuffer(&fragment)
        let volume = try tool("ffmpeg", on: file, ["-af", "volumedetect", "-f", "null", "-"])
        #expect(volume.errors.contains("max_volume: -91.0 dB"))
    }

    @Test func refusesImpossibleRequestsBeforeAnyChild() async throws {
        let maker = SlateWorkerMaker(executable: "/nonexistent")
        for change: (inout SlateRequest) -> Void in [
            { $0.width = 0 }, { $0.height = 100_000 }, { $0.frameRate = 0 }, { $0.frameRate = 121 },
            { $0.sampleRate = 1 },
            { $0.channels = 9 },
        ] {
            var request = Self.request
            change(&request)
            await #expect { try await maker.makeSlate(request) } throws: {
                ($0 as? MediaError)?.code == .invalidRequest
            }
        }
    }

    @Test(arguments: [
        ("kill -9 $$", MediaError.Code.workerFailed), ("exit 3", .workerFailed), ("exit 0", .invalidWorkerOutput),
        ("echo LSLATE1", .invalidWorkerOutput), ("cat /dev/zero", .workerFailed),
        ("cat /dev/zero >&2", .workerFailed), ("exec sleep 1000", .workerFailed),
    ])
    func saysSoWhenTheWorkerFails(script: String, code: MediaError.Code) async throws {
        let limit: Duration = script.contains("sleep") ? .milliseconds(200) : .seconds(20)
        let maker = SlateWorkerMaker(executable: "/bin/sh", arguments: { _ in ["-c", script] }, timeLimit: limit)
        await #expect { try await maker.makeSlate(Self.request) } throws: { ($0 as? MediaError)?.code == code }
    }

    @Test func saysSoWhenThereIsNoWorker() async throws {
        await #expect { try await SlateWorkerMaker(executable: "/nonexistent").makeSlate(Self.request) } throws: {
            ($0 as? MediaError)?.code == .workerFailed
        }
    }

    @Test func killsTheWorkerWhenCancelled() async throws {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let pipe = folder.appendingPathComponent("started").path
        #expect(try MediaTool.run("mkfifo", [pipe]).status == 0)
        let maker = SlateWorkerMaker(
            executable: "/bin/sh", arguments: { _ in ["-c", "echo $$ > '\(pipe)'; exec sleep 1000"] })
        let task = Task { try await maker.makeSlate(Self.request) }
        // Opening the fifo waits until the child is there.
        let started = try #require(FileHandle(forReadingAtPath: pipe))
        let text = String(decoding: try started.readToEnd() ?? Data(), as: UTF8.self)
        let child = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(kill(child, 0) == -1)
    }

    @Test func everyCutOfTheWorkersOutputIsRefused() async throws {
        let request = SlateRequest(
            text: "x", width: 64, height: 64, frameRate: 2, sampleRate: 48_000, channels: 2)
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let file = folder.appendingPathComponent("slate")
        try Data().write(to: file)
        try SlateWorker.run(request, to: try FileHandle(forWritingTo: file))
        let whole = try Data(contentsOf: file)
        for count in stride(from: 0, to: whole.count, by: max(1, whole.count / 20)) {
            let maker = SlateWorkerMaker(
                executable: "/usr/bin/head", arguments: { _ in ["-c", "\(count)", file.path] })
            await #expect { try await maker.makeSlate(request) } throws: {
                ($0 as? MediaError)?.code == .invalidWorkerOutput
            }
        }
    }

    @Test func reportsWhatThisMachineCanDo() {
        let report = FFmpegCapabilities.report()
        #expect(report.allSatisfy { $0.isPresent && $0.remedy == nil })
        #expect(report.map(\.name).contains("encoder libx264"))
    }
}

/// Runs an ffmpeg tool with the bytes as its input file.
func tool(_ name: String, on bytes: ByteBuffer, _ arguments: [String]) throws -> MediaTool.Outcome {
    let folder = try MediaTool.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
    let file = folder.appendingPathComponent("file.mp4")
    try Data(bytes.readableBytesView).write(to: file)
    return try MediaTool.run(name, ["-i", file.path] + arguments)
}
