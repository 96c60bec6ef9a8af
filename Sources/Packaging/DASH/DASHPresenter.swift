import DASH
import Domain
import HLS

/// Makes the channel's MPEG-DASH presentation out of what HLS has: the same segments, the sound as it is, the pictures without the
/// sound that lies behind them (`PictureFragment`). Owned by `HLSPackager`.
///
/// A new period begins where the timeline or the coding breaks; its number is that of its first segment, so that ids and times hold
/// for as long as anything of it is listed, and over restarts.
final class DASHPresenter {
    private struct Segment {
        var number: Int64
        var isIndependent: Bool
        var pictures: MediaPresentation.Segment
        var sound: MediaPresentation.Segment
    }

    private struct Period {
        var number: Int64
        var start: MediaTime
        var format: ProgrammeFormat
        var picturesInitialization: String
        var soundInitialization: String
        var segments: [Segment]
    }

    private static let picturesTimescale: Int64 = 90_000
    private static let soundTimescale: Int64 = 48_000
    /// What the next segment's start may differ from this one's end without being a hole: roundings, a clock's slew.
    private static let tolerance = MediaTime.milliseconds(2)

    private let configuration: HLSConfiguration
    /// The channel's now; an admin may change it while it is on.
    private let envelope: () -> Envelope
    private let muxers: any FragmentMuxerFactory
    private let memory: any DeliveryMemoryMaker
    private let wallTimeAtProgrammeZero: WallTime
    private var periods: [Period] = []
    private var publishTime: WallTime

    init(
        configuration: HLSConfiguration, envelope: @escaping () -> Envelope, muxers: any FragmentMuxerFactory,
        memory: any DeliveryMemoryMaker, wallTimeAtProgrammeZero: WallTime
    ) {
        self.configuration = configuration
        self.envelope = envelope
        self.muxers = muxers
        self.memory = memory
        self.wallTimeAtProgrammeZero = wallTimeAtProgrammeZero
        self.publishTime = wallTimeAtProgrammeZero
    }

    /// A segment is complete in both renditions. What one of them lacks is not presented.
    func add(
        pictures: HLSRendition.Closed?, sound: HLSRendition.Closed?, format: ProgrammeFormat,
        to changes: inout HLSRendition.Changes
    ) {
        guard let pictures, let sound, pictures.number == sound.number, let content = pictures.pictures,
            let programmeInitialization = pictures.initialization, let soundInitialization = sound.initialization,
            sound.bytes > 0
        else { return }
        let initialization = HLSNames.pictures(programmeInitialization)
        let follows =
            !pictures.isDiscontinuous
            && periods.last.map {
                $0.segments.last?.number == pictures.number - 1 && $0.picturesInitialization == initialization
                    && $0.soundInitialization == soundInitialization
            } == true
        let last = periods.last?.picturesInitialization
        if last != initialization {
            guard let section = try? muxers.makeMuxer(for: format, tracks: .video).initializationSection else { return }
            changes.adding[initialization] = DeliveredResource(
                content: .bytes(section), contentType: "video/mp4", caching: .immutable,
                entityTag: "\"\(initialization)\"")
        }
        if !follows {
            periods.append(
                Period(
                    number: pictures.number, start: pictures.presentationStart, format: format,
                    picturesInitialization: initialization, soundInitialization: soundInitialization, segments: []))
        }
        let name = HLSNames.pictures(HLSNames.programme.segment(pictures.number))
        changes.adding[name] = DeliveredResource(
            content: content, contentType: "video/mp4", caching: .immutable, entityTag: "\"\(name)\"")
        let segment = Segment(
            number: pictures.number, isIndependent: pictures.isIndependent,
            pictures: Self.span(pictures, Self.picturesTimescale), sound: Self.span(sound, Self.soundTimescale))
        append(segment, to: periods.count - 1)
        publishTime = max(
            publishTime,
            wallTimeAtProgrammeZero
                + .nanoseconds((pictures.presentationStart + pictures.duration).nanoseconds))
    }

    /// Forgets what there is: it begins anew with the next segment that is added.
    func restart() { periods = [] }

    /// The manifest as it is now.
    /// - Parameters:
    ///   - first: what both renditions list first; `nil` when one of them lists nothing.
    func publish(first: Int64?, slots: [DateRange], into changes: inout HLSRendition.Changes) {
        guard let first else {
            periods = []
            return
        }
        for index in periods.indices { periods[index].segments.removeAll { $0.number < first } }
        periods.removeAll { $0.segments.isEmpty }
        guard !periods.isEmpty else { return }
        let presentation = MediaPresentation(
            publishTime: publishTime,
            updateSeconds: max(1, Int(configuration.segmenting.minimumDuration.seconds.rounded())),
            targetSeconds: configuration.targetSeconds, depthSeconds: Int(configuration.listedDuration.seconds),
            periods: periods.indices.map { shown($0, slots: slots) })
        changes.adding[HLSNames.manifest] = DeliveredResource(
            content: .text(DeliveredText(gzip: { [memory] in memory.gzip($0) }, render: { presentation.rendered() })),
            contentType: MediaPresentation.contentType, caching: .seconds(1))
    }

    // MARK: Times

    private static func span(_ closed: HLSRendition.Closed, _ timescale: Int64) -> MediaPresentation.Segment {
        let start = closed.presentationStart.ticks(timescale: timescale)
        let end = (closed.presentationStart + closed.duration).ticks(timescale: timescale)
        return .init(number: closed.number, time: start, duration: max(1, end - start))
    }

    /// Entries never overlap, and what is off by a rounding is not shown as a hole.
    private func append(_ segment: Segment, to index: Int) {
        if let last = periods[index].segments.indices.last {
            for (track, timescale) in [
                (\Segment.pictures, Self.picturesTimescale), (\Segment.sound, Self.soundTimescale),
            ] {
                let before = periods[index].segments[last][keyPath: track]
                let span = segment[keyPath: track].time - before.time
                let hole = span - before.duration
                if span > 0, hole < 0 || hole <= Self.tolerance.ticks(timescale: timescale) {
                    periods[index].segments[last][keyPath: track].duration = span
                }
            }
        }
        periods[index].segments.append(segment)
    }

    // MARK: What is shown

    private func shown(_ index: Int, slots: [DateRange]) -> MediaPresentation.Period {
        let period = periods[index]
        let start = wallTimeAtProgrammeZero.milliseconds * 1_000_000 + period.start.nanoseconds
        let end = index + 1 < periods.count ? wall(periods[index + 1].start) : nil
        return MediaPresentation.Period(
            id: "p\(period.number)", start: start, tracks: tracks(of: period),
            events: slots.compactMap { Self.event($0, from: wall(period.start), to: end) })
    }

    private func wall(_ time: MediaTime) -> WallTime { wallTimeAtProgrammeZero + .nanoseconds(time.nanoseconds) }

    private func tracks(of period: Period) -> [MediaPresentation.Track] {
        let (video, audio) = (period.format.video, period.format.audio)
        return [
            .init(
                kind: .pictures(
                    width: video.width, height: video.height,
                    frameRate: video.frameRate.flatMap { (1...480).contains($0) ? $0 : nil }),
                codec: CodecString.of(video), bandwidth: envelope().maximumBitsPerSecond,
                timescale: Self.picturesTimescale,
                offset: period.start.ticks(timescale: Self.picturesTimescale),
                initializationName: period.picturesInitialization,
                mediaName: HLSNames.pictures(HLSNames.programme.template),
                startsIndependently: period.segments.allSatisfy(\.isIndependent),
                segments: period.segments.map(\.pictures)),
            .init(
                kind: .sound(sampleRate: audio.sampleRate, channels: audio.channels), codec: CodecString.of(audio),
                bandwidth: MultivariantPlaylist.Variant.audio(name: "", envelope: envelope()).bandwidth,
                timescale: Self.soundTimescale, offset: period.start.ticks(timescale: Self.soundTimescale),
                initializationName: period.soundInitialization, mediaName: HLSNames.audio.template,
                startsIndependently: true, segments: period.segments.map(\.sound)),
        ]
    }

    /// The part of a slot that lies in a period; `nil` when none does.
    private static func event(_ slot: DateRange, from start: WallTime, to end: WallTime?) -> MediaPresentation.Event? {
        let slotEnd = slot.end ?? slot.plannedEnd
        if let end, slot.start >= end { return nil }
        if let slotEnd = slot.end, slotEnd <= start { return nil }
        let begin = max(slot.start, start)
        return .init(
            id: fingerprint(slot.id), name: slot.name, start: (begin - start).wholeMilliseconds,
            duration: slotEnd.map { max(0, ($0 - begin).wholeMilliseconds) })
    }

    /// FNV-1a, 32 bits: an event's number, told from the slot's id.
    private static func fingerprint(_ text: String) -> UInt32 {
        text.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}
