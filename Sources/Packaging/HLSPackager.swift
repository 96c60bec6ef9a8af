package import Domain
import HLS
package import Logging
import NIOCore

/// Turns one channel's programme into HLS: cuts it, has it muxed, and puts the bytes where viewers find them.
///
/// Owned by the channel, called on its event loop only; what it does there is bounded (a part of 500 ms costs well under a
/// millisecond of muxing) and waits for nothing. A failing muxer loses units or a part, never the channel: when it is the
/// main rendition's, the part is lost in all and a discontinuity is owed; another rendition begins anew by itself.
package final class HLSPackager: ProgrammeReader {
    private let channel: ChannelName
    private let store: HLSChannelStore
    private let configuration: HLSConfiguration
    private let slots: DateRanges
    private let outputs: OutputSwitches
    private let logger: Logger
    private let metrics: HLSMetrics

    private var segmenter: Segmenter
    /// Pictures and sound; decides what there is.
    private let programme: HLSRendition
    private let others: [HLSRendition]
    private var renditions: [HLSRendition] { [programme] + others }
    private var sound: HLSRendition? { others.first { $0.names == .audio } }
    private let dash: DASHPresenter
    /// The open segment's.
    private var openFormat: ProgrammeFormat?
    private var numbers: HLSChannelStore.Numbers
    /// The open segment's number.
    private var open: Int64?
    /// A part was lost, and its discontinuity is owed to the next.
    private var owesDiscontinuity = false
    private var loggedJoin = 0

    /// Opens `channel` in `store`, where it has nothing to show yet.
    ///
    /// - Parameters:
    ///   - slots: whose names the playlists show; told from elsewhere.
    ///   - outputs: what the channel offers: a rendition that nobody can ask for is not made.
    ///   - firstMediaSequence: of the first segment; above every number the channel ever used (I7).
    ///   - firstDiscontinuitySequence: at least the number of discontinuities the channel ever had; the first segment adds one.
    ///   - wallTimeAtProgrammeZero: what the wall clock showed at the programme's time zero.
    package init(
        channel: ChannelName, muxers: any FragmentMuxerFactory, store: HLSChannelStore,
        memory: any DeliveryMemoryMaker, slots: DateRanges = DateRanges(),
        outputs: OutputSwitches = OutputSwitches(), firstMediaSequence: Int64, firstDiscontinuitySequence: Int64,
        wallTimeAtProgrammeZero: WallTime,
        configuration: HLSConfiguration = .init(), logger: Logger
    ) {
        self.channel = channel
        self.store = store
        self.configuration = configuration
        self.slots = slots
        self.outputs = outputs
        self.logger = logger
        self.metrics = HLSMetrics(channel: channel)
        self.segmenter = Segmenter(configuration: configuration.segmenting)
        self.numbers = .init(
            mediaSequence: firstMediaSequence, discontinuitySequence: firstDiscontinuitySequence)
        let make = { (names: HLSNames, writer: any PartWriter, partTarget: MediaTime?, types: (String, String)) in
            HLSRendition(
                names: names, writer: writer, partTarget: partTarget, contentTypes: types,
                configuration: configuration, memory: memory,
                // Sound is small: not worth a descriptor for each segment.
                usesFiles: names != .audio, discontinuitySequence: firstDiscontinuitySequence,
                wallTimeAtProgrammeZero: wallTimeAtProgrammeZero)
        }
        self.programme = make(
            .programme, FragmentWriter(muxers: muxers, tracks: .videoAndAudio), configuration.segmenting.longestPart,
            ("video/mp4", "video/mp4"))
        self.others = [
            make(
                .audio, FragmentWriter(muxers: muxers, tracks: .audio), configuration.longestAudioPart,
                ("audio/mp4", "audio/mp4")),
            make(.transportStream, TransportStreamWriter(muxers: muxers), nil, ("video/mp2t", "video/mp2t")),
        ]
        self.dash = DASHPresenter(
            configuration: configuration, envelope: { store.envelope(of: channel) }, muxers: muxers, memory: memory,
            wallTimeAtProgrammeZero: wallTimeAtProgrammeZero)
        store.open(channel, numbers: numbers)
    }

    /// What the channel's next start must begin with. `HLSChannelStore.numbers(of:)` says the same on any thread.
    package var currentNumbers: HLSChannelStore.Numbers { numbers }

    package func joined(_ join: ProgrammeJoin, format: ProgrammeFormat) {
        segmenter.joined(format: format)
    }

    package func unit(_ unit: ProgrammeUnit) {
        for part in segmenter.unit(unit) { take(part) }
    }

    /// Shows all that is left, then nothing new: who waits is told to come back.
    package func finished() {
        for part in segmenter.finished() { take(part) }
        store.close(channel)
    }
}

extension HLSPackager {
    private func take(_ part: Segmenter.Part) {
        var changes = HLSRendition.Changes()
        if part.opensSegment { close(&changes) }
        owesDiscontinuity = owesDiscontinuity || part.isDiscontinuous
        if let written = write(part) {
            add(written, of: part, &changes)
            if part.closesSegment { close(&changes) }
        } else {
            close(&changes)
            owesDiscontinuity = true
        }
        publish(&changes)
    }

    /// The part in every rendition; `nil` when the main one can make nothing of it.
    private func write(_ part: Segmenter.Part) -> PartBytes? {
        do {
            let written = try programme.write(part, opensSegment: open == nil)
            if let error = written.error { report(error, lost: written.lost, in: part) }
            return written.bytes.readableBytes > 0 ? written : nil
        } catch {
            report(error, lost: part.units.count, in: part)
            return nil
        }
    }

    private func add(_ written: PartBytes, of part: Segmenter.Part, _ changes: inout HLSRendition.Changes) {
        let isFirst = open == nil
        let number = open ?? numbers.mediaSequence
        let isDiscontinuous = isFirst && owesDiscontinuity
        if isFirst { presentIfWanted(&changes) }
        programme.add(written, of: part, number: number, isDiscontinuous: isDiscontinuous, to: &changes)
        for rendition in others {
            if isFirst, !begin(rendition, &changes) { continue }
            do {
                try rendition.take(
                    part, number: number, isDiscontinuous: isDiscontinuous, opensSegment: isFirst, to: &changes)
            } catch {
                fail(rendition, error, part.units.count, join: part.join, &changes)
            }
        }
        guard isFirst else { return }
        open = number
        openFormat = part.format
        numbers.mediaSequence += 1
        if owesDiscontinuity { numbers.discontinuitySequence += 1 }
        owesDiscontinuity = false
    }

    /// Where a segment begins: withdraws what nobody can ask for any more, and lets what was withdrawn, or failed, begin anew with
    /// the channel's numbers. Pictures and sound go on always: they decide what there is, and keep the numbers.
    /// - Returns: whether the segment is made in this rendition.
    private func begin(_ rendition: HLSRendition, _ changes: inout HLSRendition.Changes) -> Bool {
        let isWanted = outputs.isOn(.hls, of: channel) || rendition === sound && outputs.isOn(.dash, of: channel)
        guard isWanted != !rendition.isHalted else { return isWanted }
        rendition.restart(discontinuitySequence: numbers.discontinuitySequence, &changes)
        // It would tell of sound that is gone.
        if rendition === sound { changes.dropping.append(HLSNames.manifest) }
        return isWanted
    }

    /// The same for MPEG-DASH, which presents the segments of others.
    private func presentIfWanted(_ changes: inout HLSRendition.Changes) {
        let isWanted = outputs.isOn(.dash, of: channel)
        guard programme.tellsPicturesApart != isWanted else { return }
        programme.tellsPicturesApart = isWanted
        dash.restart()
        changes.dropping.append(HLSNames.manifest)
    }

    private func close(_ changes: inout HLSRendition.Changes) {
        guard open != nil else { return }
        open = nil
        for rendition in renditions {
            do {
                try rendition.close(&changes)
            } catch {
                fail(rendition, error, 0, join: loggedJoin + 1, &changes)
            }
        }
        if let openFormat {
            dash.add(pictures: programme.lastClosed, sound: sound?.lastClosed, format: openFormat, to: &changes)
        }
        metrics.segmentPublished(windowBytes: renditions.reduce(0) { $0 + $1.windowBytes })
    }

    private func fail(
        _ rendition: HLSRendition, _ error: any Error, _ lost: Int, join: Int, _ changes: inout HLSRendition.Changes
    ) {
        rendition.restart(discontinuitySequence: numbers.discontinuitySequence, &changes)
        report(error, lost: lost, join: join)
    }

    private func publish(_ changes: inout HLSRendition.Changes) {
        let reports = renditions.compactMap { rendition in
            rendition.partTarget == nil
                ? nil
                : rendition.lastPart.map {
                    MediaPlaylist.RenditionReport(
                        name: rendition.names.playlist, lastMediaSequence: $0.mediaSequence, lastPart: $0.part)
                }
        }
        let recent = Duration.seconds(configuration.targetSeconds * 6)
        for rendition in renditions {
            // A playlist without parts changes with its segments only.
            if rendition.partTarget == nil, !changes.hasClosed(rendition.names) { continue }
            rendition.publish(
                reports: reports.filter { $0.name != rendition.names.playlist },
                dateRanges: { [slots] in slots.listing(since: $0, recent: recent) }, into: &changes)
        }
        if changes.hasClosed(programme.names) {
            let first = sound?.firstListed.flatMap { sound in programme.firstListed.map { max($0, sound) } }
            let listing = programme.firstDate.map { slots.listing(since: $0, recent: recent) }
            dash.publish(first: first, slots: listing?.shown ?? [], into: &changes)
        }
        changes.dropping += changes.dropping.filter { $0.hasPrefix("init-") }.map(HLSNames.pictures)
        store.update(channel, numbers: numbers, changes)
    }

    private func report(_ error: any Error, lost: Int, in part: Segmenter.Part) {
        report(error, lost: lost, join: part.join)
    }

    /// Counts every loss, says the first of each join.
    private func report(_ error: any Error, lost: Int, join: Int) {
        metrics.unitsLost(lost)
        guard loggedJoin != join else { return }
        loggedJoin = join
        logger.warning(
            "muxing failed, units are lost",
            metadata: ["channel": "\(channel)", "lost": "\(lost)", "error": "\(error)"])
    }
}

extension MultivariantPlaylist {
    /// By name: those that a channel has.
    static func all(_ envelope: Envelope) -> [String: MultivariantPlaylist] {
        [
            HLSNames.multivariant: MultivariantPlaylist(variants: [
                .fragmented(name: HLSNames.programme.playlist, envelope: envelope),
                .audio(name: HLSNames.audio.playlist, envelope: envelope),
            ]),
            HLSNames.transportStreamMultivariant: MultivariantPlaylist(variants: [
                .transportStream(name: HLSNames.transportStream.playlist, envelope: envelope)
            ]),
        ]
    }
}
