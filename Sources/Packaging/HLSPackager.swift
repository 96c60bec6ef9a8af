package import Domain
import HLS
package import Logging
import Metrics
import NIOCore

/// Turns one channel's programme into HLS: cuts it, has it muxed, and puts the bytes where viewers find them.
///
/// Owned by the channel, called on its event loop only; what it does there is bounded (a segment of 4 s costs under a
/// millisecond of muxing) and waits for nothing. A failing muxer loses units or a segment, never the channel.
package final class HLSPackager: ProgrammeReader {
    private let channel: ChannelName
    private let muxers: any FragmentMuxerFactory
    private let store: HLSChannelStore
    private let wallTimeAtProgrammeZero: WallTime
    private let logger: Logger
    private let multivariant: DeliveredResource
    private let targetSeconds: Int
    private let metrics: HLSMetrics

    private var segmenter: Segmenter
    private var window: SegmentWindow
    private var numbers: HLSChannelStore.Numbers
    private var muxer: (any FragmentMuxer)?
    private var format: ProgrammeFormat?
    private var initialization = ""
    /// A segment was lost, and its discontinuity is owed to the next.
    private var owesDiscontinuity = false
    private var loggedJoin = 0

    /// Opens `channel` in `store`, where it has nothing to show yet.
    ///
    /// - Parameters:
    ///   - firstMediaSequence: of the first segment; above every number the channel ever used (I7).
    ///   - firstDiscontinuitySequence: at least the number of discontinuities the channel ever had; the first segment adds one.
    ///   - wallTimeAtProgrammeZero: what the wall clock showed at the programme's time zero.
    package init(
        channel: ChannelName, muxers: any FragmentMuxerFactory, envelope: Envelope, store: HLSChannelStore,
        firstMediaSequence: Int64, firstDiscontinuitySequence: Int64, wallTimeAtProgrammeZero: WallTime,
        segmenting: Segmenter.Configuration = .init(), logger: Logger
    ) {
        self.channel = channel
        self.muxers = muxers
        self.store = store
        self.wallTimeAtProgrammeZero = wallTimeAtProgrammeZero
        self.logger = logger
        self.metrics = HLSMetrics(channel: channel)
        self.segmenter = Segmenter(configuration: segmenting)
        self.targetSeconds = max(1, Int(segmenting.targetDuration.seconds.rounded()))
        self.window = SegmentWindow(
            targetDuration: segmenting.targetDuration, discontinuitySequence: firstDiscontinuitySequence)
        self.numbers = .init(
            mediaSequence: firstMediaSequence, discontinuitySequence: firstDiscontinuitySequence)
        let playlist = MultivariantPlaylist(variants: [.init(name: HLSName.media, envelope: envelope)])
        self.multivariant = .playlist(playlist.rendered(), seconds: 10)
        store.open(channel, numbers: numbers)
    }

    /// What the channel's next start must begin with. `HLSChannelStore.numbers(of:)` says the same on any thread.
    package var currentNumbers: HLSChannelStore.Numbers { numbers }

    package func joined(_ join: ProgrammeJoin, format: ProgrammeFormat) {
        segmenter.joined(format: format)
    }

    package func unit(_ unit: ProgrammeUnit) {
        for segment in segmenter.unit(unit) { publish(segment) }
    }

    package func finished() {
        for segment in segmenter.finished() { publish(segment) }
    }
}

extension HLSPackager {
    private func publish(_ segment: Segmenter.Segment) {
        owesDiscontinuity = owesDiscontinuity || segment.isDiscontinuous
        guard let muxer = muxer(for: segment), let body = mux(segment, with: muxer) else {
            owesDiscontinuity = true
            return
        }
        let number = numbers.mediaSequence
        let bytes = owesDiscontinuity ? Self.repeating(muxer.initializationSection, before: body) : body
        var adding: [String: DeliveredResource] = [HLSName.multivariant: multivariant]
        if initialization.isEmpty {
            initialization = HLSName.initialization(firstSegment: number)
            window.addInitialization(muxer.initializationSection, named: initialization)
            adding[initialization] = .media(muxer.initializationSection, type: "video/mp4", tag: initialization)
        }
        let name = HLSName.segment(number)
        let dropped = window.add(
            SegmentWindow.Segment(
                number: number, name: name, body: bytes, start: segment.start, duration: segment.duration,
                date: wallTimeAtProgrammeZero + .nanoseconds(segment.presentationStart.nanoseconds),
                isDiscontinuous: owesDiscontinuity, isIndependent: segment.isIndependent,
                initialization: initialization))
        adding[name] = .media(bytes, type: "video/iso.segment", tag: name)
        adding[HLSName.media] = .playlist(window.playlist(targetSeconds: targetSeconds).rendered(), seconds: 1)
        numbers.mediaSequence += 1
        if owesDiscontinuity { numbers.discontinuitySequence += 1 }
        owesDiscontinuity = false
        store.update(channel, numbers: numbers, adding: adding, dropping: dropped)
        metrics.segmentPublished(windowBytes: window.bytes)
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

    /// The muxer of the segment's format; a new one, with an init section of its own, when the format changed.
    private func muxer(for segment: Segmenter.Segment) -> (any FragmentMuxer)? {
        if let muxer, format == segment.format { return muxer }
        do {
            let made = try muxers.makeMuxer(for: segment.format)
            muxer = made
            format = segment.format
            initialization = ""
            return made
        } catch {
            muxer = nil
            report(error, lost: segment.units.count, in: segment)
            return nil
        }
    }

    private func mux(_ segment: Segmenter.Segment, with muxer: any FragmentMuxer) -> ByteBuffer? {
        for unit in segment.units {
            do {
                try muxer.append(unit)
            } catch {
                report(error, lost: 1, in: segment)
            }
        }
        do {
            let body = try muxer.flush()
            return body.readableBytes > 0 ? body : nil
        } catch {
            // Who cannot close a fragment is not asked again.
            self.muxer = nil
            report(error, lost: segment.units.count, in: segment)
            return nil
        }
    }

    /// Counts every loss, says the first of each join.
    private func report(_ error: any Error, lost: Int, in segment: Segmenter.Segment) {
        metrics.unitsLost(lost)
        guard loggedJoin != segment.join else { return }
        loggedJoin = segment.join
        logger.warning(
            "muxing failed, units are lost",
            metadata: ["channel": "\(channel)", "lost": "\(lost)", "error": "\(error)"])
    }
}

/// The packager's metrics, by channel.
private struct HLSMetrics {
    private let segments: Counter
    private let lost: Counter
    private let windowBytes: Gauge

    init(channel: ChannelName) {
        let dimensions = [("channel", channel.text)]
        self.segments = Counter(label: "lineup_hls_segments_total", dimensions: dimensions)
        self.lost = Counter(label: "lineup_hls_lost_units_total", dimensions: dimensions)
        self.windowBytes = Gauge(label: "lineup_hls_window_bytes", dimensions: dimensions)
    }

    func segmentPublished(windowBytes bytes: Int) {
        segments.increment()
        windowBytes.record(bytes)
    }

    func unitsLost(_ count: Int) { lost.increment(by: Int64(count)) }
}

extension DeliveredResource {
    fileprivate static func playlist(_ text: String, seconds: Int) -> Self {
        let body = ByteBuffer(string: text)
        return Self(
            body: body, contentType: "application/vnd.apple.mpegurl", caching: .seconds(seconds),
            entityTag: "\"\(fingerprint(body))\"")
    }

    /// A name never means other bytes, so it is the tag.
    fileprivate static func media(_ body: ByteBuffer, type: String, tag: String) -> Self {
        Self(body: body, contentType: type, caching: .immutable, entityTag: "\"\(tag)\"")
    }

    /// FNV-1a, 64 bits: tells a channel's playlists apart; no defence against anybody.
    private static func fingerprint(_ body: ByteBuffer) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in body.readableBytesView { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
