import Domain
import HLS
import NIOCore

/// One rendition of a channel's HLS: its segment in the making, its window, its playlists. Owned by `HLSPackager`.
///
/// All renditions of a channel cut at the same places and number their segments alike.
final class HLSRendition {
    /// What changes together, seen as a whole by every reader.
    struct Changes {
        var adding: [String: DeliveredResource] = [:]
        var dropping: [String] = []
        var playlists: [String: PlaylistState] = [:]
        /// Playlists whose segment was completed.
        var closed: Set<String> = []

        func hasClosed(_ names: HLSNames) -> Bool { closed.contains(names.playlist) }
    }

    /// A segment that is complete, as `DASHPresenter` needs it.
    struct Closed {
        var number: Int64
        /// Where its first unit is shown in the programme.
        var presentationStart: MediaTime
        var duration: MediaTime
        var initialization: String?
        var isDiscontinuous: Bool
        var isIndependent: Bool
        var bytes: Int
        /// The pictures alone; `nil` where there are none.
        var pictures: DeliveredContent?
    }

    let names: HLSNames
    /// `nil` for a rendition without parts.
    let partTarget: MediaTime?
    private let configuration: HLSConfiguration
    private let memory: any DeliveryMemoryMaker
    private let usesFiles: Bool
    private let wallTimeAtProgrammeZero: WallTime
    private let contentTypes: (segment: String, initialization: String)
    private let writer: any PartWriter
    private var window: SegmentWindow
    private var open: SegmentAssembly?
    /// What the open segment begins with, for a rendition that cuts parts of its own.
    private var opening: (number: Int64, isDiscontinuous: Bool)?
    private var cutter: SoundCutter?
    private var initialization: (name: String, generation: Int)?
    private var version = 0
    /// The segment that was completed last.
    private(set) var lastClosed: Closed?
    /// It failed, or nobody can ask for it: nothing more of the open segment.
    private(set) var isHalted = false
    /// For MPEG-DASH, from a segment's start to its end; of the main rendition only.
    var tellsPicturesApart: Bool

    init(
        names: HLSNames, writer: any PartWriter, partTarget: MediaTime?,
        contentTypes: (segment: String, initialization: String), configuration: HLSConfiguration,
        memory: any DeliveryMemoryMaker, usesFiles: Bool, discontinuitySequence: Int64,
        wallTimeAtProgrammeZero: WallTime
    ) {
        self.names = names
        self.writer = writer
        self.partTarget = partTarget
        self.contentTypes = contentTypes
        self.configuration = configuration
        self.memory = memory
        self.usesFiles = usesFiles
        self.wallTimeAtProgrammeZero = wallTimeAtProgrammeZero
        self.window = Self.window(configuration, discontinuitySequence)
        self.cutter = names == .audio ? partTarget.map { SoundCutter(longestPart: $0) } : nil
        self.tellsPicturesApart = names == .programme
    }

    var firstListed: Int64? { window.listed.first?.number }
    var firstDate: WallTime? { window.listed.first?.shown.programDateTime }
    var windowBytes: Int { window.bytes + (open?.bytes ?? 0) }
    /// The last segment and part a reader can have, for reports of other renditions.
    var lastPart: (mediaSequence: Int64, part: Int)? {
        if let open, !open.parts.isEmpty { return (open.number, open.parts.count - 1) }
        guard let last = window.listed.last else { return nil }
        return (last.number, max(0, last.shown.parts.count - 1))
    }

    private static func window(_ configuration: HLSConfiguration, _ discontinuitySequence: Int64) -> SegmentWindow {
        SegmentWindow(
            listedDuration: configuration.listedDuration, discontinuitySequence: discontinuitySequence,
            maximumBytes: configuration.maximumWindowBytes)
    }
}

// MARK: - Parts

extension HLSRendition {
    /// Makes the part's bytes; nothing is shown yet.
    /// - Throws: what the muxer throws when it can make nothing of the part.
    func write(_ part: Segmenter.Part, opensSegment: Bool) throws -> PartBytes {
        if opensSegment {
            isHalted = false
            try writer.beginSegment()
        }
        return isHalted ? PartBytes() : try writer.write(part)
    }

    /// Takes a part of the programme, the first of a segment with `opensSegment`, and shows what it completes here.
    /// - Throws: what the muxer throws when it can make nothing of it.
    func take(
        _ part: Segmenter.Part, number: Int64, isDiscontinuous: Bool, opensSegment: Bool, to changes: inout Changes
    ) throws {
        if opensSegment {
            isHalted = false
            opening = (number, isDiscontinuous)
            try writer.beginSegment()
        }
        guard !isHalted else { return }
        for piece in cutter?.add(part) ?? [part] { try show(piece, &changes) }
    }

    private func show(_ piece: Segmenter.Part, _ changes: inout Changes) throws {
        guard let opening else { return }
        let written = try write(piece, opensSegment: false)
        add(written, of: piece, number: opening.number, isDiscontinuous: opening.isDiscontinuous, to: &changes)
    }

    /// Shows a part. The first of a segment opens it.
    func add(
        _ written: PartBytes, of part: Segmenter.Part, number: Int64, isDiscontinuous: Bool, to changes: inout Changes
    ) {
        guard !isHalted else { return }
        var bytes = written.bytes
        if open == nil {
            bytes = begin(written, part, number: number, isDiscontinuous: isDiscontinuous, &changes)
        }
        guard bytes.readableBytes > 0, let index = open?.parts.count, let content = open?.append(bytes) else { return }
        if tellsPicturesApart { open?.tellPicturesApart(in: written.bytes, of: content) }
        open?.lasted(written.duration)
        guard partTarget != nil else { return }
        let name = names.part(index, of: number)
        open?.list(
            .init(
                name: name, duration: written.duration,
                isIndependent: names == .audio || part.startsWithKeyFrame || part.hasKeyFrame))
        changes.adding[name] = media(content, type: contentTypes.segment, tag: name)
    }

    /// - Returns: what the segment's first part is to hold.
    private func begin(
        _ written: PartBytes, _ part: Segmenter.Part, number: Int64, isDiscontinuous: Bool, _ changes: inout Changes
    ) -> ByteBuffer {
        if let section = writer.initialization, initialization?.generation != writer.generation {
            let name = names.initialization(firstSegment: number)
            initialization = (name, writer.generation)
            window.addInitialization(named: name, bytes: section.readableBytes)
            changes.adding[name] = media(.bytes(section), type: contentTypes.initialization, tag: name)
        }
        let shownAt = written.presentationStart ?? part.presentationStart
        open = SegmentAssembly(
            number: number, start: part.start, shownAt: shownAt, isDiscontinuous: isDiscontinuous,
            initialization: initialization?.name,
            date: wallTimeAtProgrammeZero + .nanoseconds(shownAt.nanoseconds),
            isIndependent: names == .audio || part.startsIndependently, file: usesFiles ? memory.makeFile() : nil)
        guard isDiscontinuous, let section = writer.initialization, written.bytes.readableBytes > 0 else {
            return written.bytes
        }
        return Self.repeating(section, before: written.bytes)
    }

    /// A segment after a discontinuity repeats its init section in front: VLC 3 starts a new demuxer there and does not fetch
    /// `EXT-X-MAP` again, so without it VLC's picture ends at the first hand-over. FFmpeg and MSE skip what they have already.
    private static func repeating(_ section: ByteBuffer, before body: ByteBuffer) -> ByteBuffer {
        var whole = ByteBuffer()
        whole.reserveCapacity(section.readableBytes + body.readableBytes)
        whole.writeImmutableBuffer(section)
        whole.writeImmutableBuffer(body)
        return whole
    }

    /// Completes the open segment, if there is one.
    /// - Throws: what the muxer throws; the segment is complete without what it owed.
    func close(_ changes: inout Changes) throws {
        var failure: (any Error)?
        do {
            for piece in cutter?.rest() ?? [] { try show(piece, &changes) }
        } catch {
            failure = error
        }
        opening = nil
        guard var segment = open else {
            if let failure { throw failure }
            return
        }
        open = nil
        changes.closed.insert(names.playlist)
        do {
            let rest = isHalted ? ByteBuffer() : try writer.endSegment()
            if rest.readableBytes > 0 { _ = segment.append(rest) }
        } catch {
            failure = failure ?? error
        }
        let name = names.segment(segment.number)
        var files = segment.parts.map(\.name)
        if let whole = segment.whole() {
            changes.adding[name] = media(whole, type: contentTypes.segment, tag: name)
            files.append(name)
        }
        let pictures = segment.pictures.flatMap { $0.isEmpty ? nil : DeliveredContent.pieces($0) }
        if pictures != nil { files.append(HLSNames.pictures(name)) }
        lastClosed = Closed(
            number: segment.number, presentationStart: segment.shownAt, duration: segment.duration,
            initialization: segment.initialization, isDiscontinuous: segment.isDiscontinuous,
            isIndependent: segment.isIndependent, bytes: segment.bytes, pictures: pictures)
        changes.dropping += window.add(
            .init(
                number: segment.number, shown: segment.shown(as: name), start: segment.start, files: files,
                bytes: segment.bytes))
        if let failure { throw failure }
    }

    /// It could make nothing of a part, or nobody can ask for it. What it has is withdrawn, and it begins anew with the next segment
    /// that is written.
    func restart(discontinuitySequence: Int64, _ changes: inout Changes) {
        isHalted = true
        changes.dropping += window.allNames + (open?.parts.map(\.name) ?? [])
        changes.adding = changes.adding.filter { !changes.dropping.contains($0.key) }
        changes.playlists[names.playlist] = .some(.withdrawn)
        open = nil
        opening = nil
        _ = cutter?.rest()
        initialization = nil
        window = Self.window(configuration, discontinuitySequence)
    }
}

// MARK: - Playlists

extension HLSRendition {
    /// The playlist as it is now, into `changes`; nothing before the first whole segment.
    func publish(
        reports: [MediaPlaylist.RenditionReport], dateRanges: (WallTime) -> DateRanges.Listing,
        into changes: inout Changes
    ) {
        // Players without low latency take a playlist without a whole segment for an error.
        guard !window.listed.isEmpty else { return }
        var segments = window.listed.map(\.shown)
        if partTarget != nil, let open, !open.parts.isEmpty { segments.append(open.shown(as: nil)) }
        guard let first = segments.first else { return }
        let next: (number: Int64, part: Int) =
            open.map { ($0.number, $0.parts.count) } ?? ((window.listed.last?.number ?? 0) + 1, 0)
        let hint = partTarget == nil ? nil : names.part(next.part, of: next.number)
        let ranges = dateRanges(first.programDateTime)
        let playlist = MediaPlaylist(
            version: partTarget == nil ? 3 : 9, targetDuration: configuration.targetSeconds,
            mediaSequence: window.listed.first?.number ?? next.number,
            discontinuitySequence: window.discontinuitySequence, segments: segments, dateRanges: ranges.shown,
            recentlyRemovedDateRanges: ranges.recentlyRemoved,
            lowLatency: partTarget.map { .init(partTarget: $0, preloadHint: hint, reports: reports) })
        changes.playlists[names.playlist] = PlaylistState(
            playlist: playlist, hint: hint, openName: names.segment(next.number), openSegment: next.number,
            openParts: next.part,
            lastSegmentParts: window.listed.last?.shown.parts.count ?? 0, partTarget: partTarget,
            targetSeconds: configuration.targetSeconds,
            gzip: { [memory] in memory.gzip($0) })
    }

    /// A name never means other bytes, so it is the tag.
    private func media(_ content: DeliveredContent, type: String, tag: String) -> DeliveredResource {
        DeliveredResource(content: content, contentType: type, caching: .immutable, entityTag: "\"\(tag)\"")
    }
}
