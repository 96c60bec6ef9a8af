import Domain
import NIOCore
import RTMP

/// Writes a hub's programme into one connection: a player of ours, or a server that we publish to.
///
/// Owned by the connection's handler, on its event loop. It takes from the hub while the socket takes from it, and leaves the rest
/// there: what waits for one socket is bounded by the channel's water mark (plus the one buffer that passes it, which is the
/// hub's own), and who is too slow resumes at a key frame (I4). No timer and no task: the hub's own rhythm tells it
/// when a peer has stalled.
final class RTMPHubWriter: HubReader {
    /// What the peer wants to be different from the hub's own bytes.
    struct Form: Equatable {
        /// The message stream of our messages: 1, except with servers that count otherwise.
        var streamID: UInt32 = SharedMessage.usualStreamID
        /// We are the publisher: metadata is to be kept by the peer.
        var isPublishing = false
        /// What it announced. While the programme's pictures are in another codec it gets the sound alone: an older player would take
        /// Enhanced RTMP's tags for damage.
        var videoCodecs: Set<VideoFormat.Codec> = [.h264]
    }

    enum End: Equatable {
        /// The channel stopped.
        case programmeFinished
        /// The peer took nothing for the stall limit.
        case stalled
    }

    private let form: Form
    private let stallLimit: TimeAmount
    private let onEnd: (End) -> Void
    private var context: ChannelHandlerContext?
    private var feed: (any HubFeed)?
    private var isPumping = false
    private var isPaused = false
    private var takesAudio = true
    private var takesVideo = true
    /// The peer knows the codec of the programme's pictures.
    private var knowsPictures = true
    private var waitsForKeyFrame = false
    private var lastProgress: NIODeadline
    /// Told of what was handed to the connection, in bytes, from time to time and at the end.
    var onSent: ((Int) -> Void)?
    private var sentBytes = 0
    private static let reportBytes = 131_072

    /// Nothing is written before `start`.
    /// - Parameter onEnd: called at most once, on the event loop; the writer has stopped then.
    init(context: ChannelHandlerContext, form: Form = Form(), stallLimit: Duration, onEnd: @escaping (End) -> Void) {
        self.context = context
        self.form = form
        self.stallLimit = TimeAmount(stallLimit)
        self.onEnd = onEnd
        self.lastProgress = context.eventLoop.now
    }

    /// How many packets this peer lost by being slow.
    var lostPackets: Int { feed?.lostPackets ?? 0 }

    func start(from hub: any ProgrammeHub) {
        guard let context, feed == nil else { return }
        feed = hub.subscribe(self, on: context.eventLoop)
        pump()
    }

    /// Harmless when done twice. The connection is the handler's to close.
    func stop() {
        reportSent()
        feed?.cancel()
        feed = nil
        context = nil
    }

    // MARK: What the peer asks for

    func changed(_ change: PlaybackChange) {
        switch change {
        case .paused(let isPaused): pauseChanged(to: isPaused)
        case .audio(let isWanted): takesAudio = isWanted
        case .video(let isWanted): videoWanted(isWanted)
        }
    }

    private func pauseChanged(to paused: Bool) {
        guard isPaused != paused else { return }
        isPaused = paused
        lastProgress = context?.eventLoop.now ?? lastProgress
        if !paused { feed?.restart() }
        pump()
    }

    /// Pictures come back at a key frame.
    private func videoWanted(_ wanted: Bool) {
        if wanted, !takesVideo { waitsForKeyFrame = true }
        takesVideo = wanted
    }

    // MARK: Writing

    func hubMovedOn() {
        guard let context, !isPaused else { return }
        if context.channel.isWritable {
            pump()
        } else if context.eventLoop.now - lastProgress > stallLimit {
            end(.stalled)
        }
    }

    /// The socket takes more, or less.
    func writabilityChanged() {
        guard let context, context.channel.isWritable else { return }
        lastProgress = context.eventLoop.now
        pump()
    }

    /// Flushing may call `writabilityChanged`, which is what the loop looks at next anyway.
    private func pump() {
        guard !isPumping, !isPaused, let context else { return }
        isPumping = true
        defer { isPumping = false }
        var needsFlush = false
        while context.channel.isWritable {
            if takesAll, let bytes = feed?.nextJoined() {
                sentBytes += bytes.readableBytes
                context.write(NIOAny(bytes), promise: nil)
                needsFlush = true
            } else if let event = feed?.next() {
                if write(event, context) { needsFlush = true }
            } else {
                break
            }
            if needsFlush, !context.channel.isWritable {
                context.flush()
                needsFlush = false
            }
        }
        if needsFlush { context.flush() }
        if context.channel.isWritable { lastProgress = context.eventLoop.now }
        if sentBytes >= Self.reportBytes { reportSent() }
    }

    private func reportSent() {
        guard sentBytes > 0 else { return }
        onSent?(sentBytes)
        sentBytes = 0
    }

    /// - Returns: whether there is something to flush.
    private func write(_ event: HubEvent, _ context: ChannelHandlerContext) -> Bool {
        switch event {
        case .format(let format, let at, let header):
            // A format begins with a key frame, so pictures that can be shown again can be from here on.
            knowsPictures = form.videoCodecs.contains(format.video.codec)
            let bytes =
                knowsPictures && hasUsualForm
                ? header : RTMPHubWrapping.header(format, at: at, form: form, hasPictures: knowsPictures)
            sentBytes += bytes.readableBytes
            context.write(NIOAny(bytes), promise: nil)
            return true
        case .packet(let packet):
            guard isWanted(packet) else { return false }
            let bytes = form.streamID == SharedMessage.usualStreamID ? packet.bytes : moved(packet.bytes)
            sentBytes += bytes.readableBytes
            context.write(NIOAny(bytes), promise: nil)
            return true
        case .finished:
            context.flush()
            end(.programmeFinished)
            return false
        }
    }

    /// Whether the hub's own bytes, all of them, are what the peer gets.
    private var takesAll: Bool {
        takesAudio && takesVideo && knowsPictures && !waitsForKeyFrame
            && form.streamID == SharedMessage.usualStreamID
    }

    /// The hub's own header serves.
    private var hasUsualForm: Bool { form.streamID == SharedMessage.usualStreamID && !form.isPublishing }

    private func isWanted(_ packet: HubPacket) -> Bool {
        switch packet.track {
        case .audio: return takesAudio
        case .video:
            if packet.isKeyFrame { waitsForKeyFrame = false }
            return takesVideo && knowsPictures && !waitsForKeyFrame
        }
    }

    /// The message with another stream id: a copy, for the rare server that does not answer createStream with 1.
    private func moved(_ message: ByteBuffer) -> ByteBuffer {
        var message = message
        RTMPHubWrapping.setStreamID(form.streamID, of: &message)
        return message
    }

    private func end(_ how: End) {
        guard context != nil else { return }
        stop()
        onEnd(how)
    }
}
