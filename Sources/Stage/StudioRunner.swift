import Domain
import Logging
private import Metrics
import OBSProtocol
import Synchronization

/// Keeps one OBS as it should be: follows the queue, holds the connection, sends what `StageDirector` decides, watches the outputs.
/// Tasks of its own; nothing waits for it.
final class StudioRunner: Sendable {
    struct Backing: Sendable {
        var dialer: any OBSDialing
        var sealing: any SecretSealing
        var queue: any QueueDesk
        var news: any StudioNewsDesk
        var clock: any WallClock
        var timer: any Clock<Duration>
        var logger: Logger
    }

    private struct State {
        var director: StageDirector
        var situation: StudioSituation
        /// When the last word on the connection went out: one that flaps is not told of each time.
        var lastConnectionNews: WallTime?
        var isToldConnected: Bool?
        var toldProblem: String?
        /// Of the present connection: an AsyncStream whose reader was cancelled is of no more use.
        var wake: AsyncStream<Void>.Continuation?
        /// Of the present connection.
        var watch = OutputWatch()
    }

    private let studio: Studio
    private let sealed: [UInt8]?
    private let backing: Backing
    private let state: Mutex<State>

    static let shortestPause: Duration = .milliseconds(250)
    static let longestPause: Duration = .seconds(3)
    private static let passwordPause: Duration = .seconds(30)
    private static let newsInterval: Duration = .seconds(10)
    /// A connection that lasted so long was a good one.
    private static let goodSpan: Duration = .seconds(10)
    private static let viewPause: Duration = .seconds(1)
    private static let tickInterval: Duration = .milliseconds(500)

    /// - Throws: `StudioError` for rules that are none any more.
    init(_ stored: StoredStudio, backing: Backing) throws(StudioError) {
        studio = stored.studio
        sealed = stored.sealed
        self.backing = backing
        let script = try StageScript(presets: stored.studio.presets, rules: stored.studio.rules)
        state = Mutex(State(director: StageDirector(script: script), situation: StudioSituation(state: .away)))
    }

    var situation: StudioSituation { state.withLock { $0.situation } }
    var facts: StageFacts? { state.withLock { $0.director.facts } }

    /// Until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followViews() }
            group.addTask { await self.followEvents() }
            group.addTask { await self.tick() }
            await self.keepConnection()
            group.cancelAll()
        }
    }

    // MARK: The queue

    private func followViews() async {
        while !Task.isCancelled {
            // Another server may own the channel: then it is that one's to switch.
            if let views = try? await backing.queue.views(of: studio.channel) {
                for await view in views {
                    let now = backing.clock.now()
                    state.withLock { $0.director.observed(view, now: now) }
                    wakeUp()
                }
            }
            await pause(Self.viewPause)
        }
    }

    private func followEvents() async {
        while !Task.isCancelled {
            if let events = try? await backing.queue.events(of: studio.channel) {
                for await event in events {
                    state.withLock { $0.director.happened(event.kind) }
                    wakeUp()
                }
            }
            await pause(Self.viewPause)
        }
    }

    /// The time left is a text that changes by itself; and what OBS did not take is tried again.
    private func tick() async {
        while !Task.isCancelled {
            await pause(Self.tickInterval)
            if state.withLock({ $0.director.notBefore }) != nil { wakeUp() }
            guard state.withLock({ $0.director.isTicking }),
                // Of a channel that another server owns nothing is shown.
                let view = try? await backing.queue.view(of: studio.channel)
            else { continue }
            let now = backing.clock.now()
            state.withLock { $0.director.observed(view, now: now) }
            wakeUp()
        }
    }

    private func wakeUp() { _ = state.withLock { $0.wake }?.yield() }

    // MARK: The connection

    private func keepConnection() async {
        var span = Self.shortestPause
        while !Task.isCancelled {
            let began = ContinuousClock.now
            let error = await connectAndStay()
            guard !Task.isCancelled else { return }
            noteAway(error)
            if ContinuousClock.now - began > Self.goodSpan { span = Self.shortestPause }
            let isPassword =
                error == .wrongPassword
                || error == .broken(OBSProtocolError(.passwordNeeded, "OBS asks for a password and none is set"))
            let most = isPassword ? Self.passwordPause : span
            // Half of it by chance, so that several do not come back together.
            await pause(most * Double.random(in: 0.5...1))
            span = min(span * 2, Self.longestPause)
        }
    }

    /// - Returns: why the connection is none any more.
    private func connectAndStay() async -> OBSConnectionError {
        let connection: any OBSConnection
        do throws(OBSConnectionError) {
            connection = try await backing.dialer.connect(to: try address())
        } catch {
            return error
        }
        noteConnected(connection.server)
        let result = await withTaskGroup(of: OBSConnectionError?.self) { group in
            group.addTask { await self.heedEvents(of: connection) }
            group.addTask { await self.direct(connection) }
            group.addTask { await self.watch(connection) }
            var reason: OBSConnectionError?
            // Whichever ends first ends the connection; the first that knows why says so.
            while let ended = await group.next() {
                if reason == nil { reason = ended }
                connection.close()
                group.cancelAll()
            }
            return reason ?? .closed(nil)
        }
        state.withLock { $0.director.disconnected() }
        return result
    }

    private func address() throws(OBSConnectionError) -> OBSAddress {
        try Self.address(of: studio, sealed: sealed, by: backing.sealing)
    }

    static func address(
        of studio: Studio, sealed: [UInt8]?, by box: any SecretSealing
    ) throws(OBSConnectionError) -> OBSAddress {
        var password: Secret?
        if let sealed {
            do {
                password = try box.open(sealed, for: studio.sealingPurpose)
            } catch {
                throw .wrongPassword
            }
        }
        return OBSAddress(
            host: studio.host, port: studio.port, password: password, requestsPerSecond: studio.requestsPerSecond)
    }

    private func heedEvents(of connection: any OBSConnection) async -> OBSConnectionError? {
        for await event in connection.events {
            switch event {
            case .currentProgramSceneChanged(let scene): state.withLock { $0.situation.scene = scene }
            case .streamStateChanged(let isActive, let word): heed("stream", isActive, word)
            case .recordStateChanged(let isActive, let word): heed("record", isActive, word)
            case .exitStarted, .other: break
            }
        }
        return nil
    }

    /// An output began or ended; what lies between (starting, stopping, reconnecting) is no news.
    private func heed(_ output: String, _ isActive: Bool, _ word: String) {
        guard [.started, .stopped].contains(OBSOutputState(rawValue: word)) else { return }
        let finding = state.withLock { state -> OutputWatch.Finding? in
            let isStream = output == "stream"
            if isStream { state.situation.isStreaming = isActive } else { state.situation.isRecording = isActive }
            let wanted = isStream ? state.director.wantsStream : state.director.wantsRecord
            return state.watch.changed(output, isOn: isActive, wanted: wanted)
        }
        if let finding { tell(finding) }
    }

    /// Sends what is to be sent whenever something has changed.
    private func direct(_ connection: any OBSConnection) async -> OBSConnectionError? {
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.wake = wake }
        wake.yield()
        do throws(OBSConnectionError) {
            for await _ in wakes {
                while let order = nextOrder() {
                    let isTransition = state.withLock { $0.director.transitions != $0.situation.transitions }
                    let batch: OBSBatch
                    switch order {
                    case .apply(let apply), .read(let apply): batch = apply
                    }
                    let replies = try await connection.perform(batch)
                    heed(replies, isTransition: isTransition)
                }
            }
            return nil
        } catch {
            return error
        }
    }

    private func nextOrder() -> StageDirector.Order? {
        let now = backing.clock.now()
        return state.withLock { $0.director.nextOrder(now: now) }
    }

    private func heed(_ replies: [OBSReply], isTransition: Bool) {
        let now = backing.clock.now()
        let problem = state.withLock { state -> String? in
            state.director.answered(replies, now: now)
            if isTransition {
                state.situation.transitions = state.director.transitions
                state.situation.lastTransitionAt = now
            }
            let problem = state.director.problem
            state.situation.state = problem == nil ? .fine : .failing
            state.situation.lastError = problem
            guard problem != state.toldProblem else { return nil }
            state.toldProblem = problem
            return problem
        }
        if isTransition { Counter(label: "lineup_obs_transitions_total", dimensions: label).increment() }
        guard let problem else { return }
        Counter(label: "lineup_obs_refused_total", dimensions: label).increment()
        backing.logger.warning("OBS does not show what it should", metadata: metadata(problem))
        backing.news.studioReported(.refused(name: studio.name, reason: problem), on: studio.channel)
    }

    /// Asks what the outputs do, every five seconds.
    private func watch(_ connection: any OBSConnection) async -> OBSConnectionError? {
        do throws(OBSConnectionError) {
            while !Task.isCancelled {
                let replies = try await connection.perform(
                    OBSBatch(OutputWatch.requests, execution: .serialRealtime))
                if let sample = OutputWatch.sample(replies) { heed(sample) }
                await pause(OutputWatch.interval)
            }
            return nil
        } catch {
            return error
        }
    }

    private func heed(_ sample: OutputWatch.Sample) {
        let (findings, dropped) = state.withLock { state in
            let findings = state.watch.sampled(
                sample, wantsStream: state.director.wantsStream, wantsRecord: state.director.wantsRecord)
            state.situation.isStreaming = sample.isStreaming
            state.situation.isRecording = sample.isRecording
            state.situation.droppedFrames = state.watch.dropped
            return (findings, state.watch.dropped)
        }
        Gauge(label: "lineup_obs_streaming", dimensions: label).record(sample.isStreaming ? 1 : 0)
        Gauge(label: "lineup_obs_dropped_frames_ratio", dimensions: label).record(dropped ?? 0)
        for finding in findings { tell(finding) }
    }

    private func tell(_ finding: OutputWatch.Finding) {
        switch finding {
        case .stopped(let output):
            backing.logger.warning("an output of OBS has stopped", metadata: metadata(output))
            backing.news.studioReported(.outputStopped(name: studio.name, output: output), on: studio.channel)
        case .dropping(let percent):
            backing.logger.warning("OBS drops frames of its stream", metadata: metadata("\(percent) %"))
            backing.news.studioReported(.framesDropped(name: studio.name, percent: percent), on: studio.channel)
        case .askAgain(let key):
            state.withLock { $0.director.wishAgain(key) }
            wakeUp()
        }
    }

    // MARK: What is told

    private func noteConnected(_ server: OBSServer) {
        let now = backing.clock.now()
        let isNews = state.withLock { state in
            state.director.connected()
            state.watch = OutputWatch()
            state.situation.state = .fine
            state.situation.lastError = nil
            state.situation.connectedSince = now
            state.situation.webSocketVersion = server.webSocketVersion
            return Self.isNews(true, &state, now: now)
        }
        Gauge(label: "lineup_obs_connected", dimensions: label).record(1)
        backing.logger.notice("connected to OBS", metadata: metadata)
        if isNews { backing.news.studioReported(.connected(name: studio.name), on: studio.channel) }
    }

    private func noteAway(_ error: OBSConnectionError) {
        let now = backing.clock.now()
        let (wasConnected, isNews) = state.withLock { state in
            let wasConnected = state.situation.connectedSince != nil
            state.situation.connectedSince = nil
            state.situation.state = error == .wrongPassword ? .wrongPassword : .away
            state.situation.lastError = "\(error)"
            (state.situation.isStreaming, state.situation.isRecording) = (nil, nil)
            (state.situation.droppedFrames, state.situation.scene) = (nil, nil)
            // One that was never there is no news.
            return (wasConnected, state.isToldConnected != nil && Self.isNews(false, &state, now: now))
        }
        Gauge(label: "lineup_obs_connected", dimensions: label).record(0)
        if wasConnected {
            backing.logger.warning("connection to OBS lost", metadata: metadata("\(error)"))
        } else {
            backing.logger.debug("OBS not reached", metadata: metadata("\(error)"))
        }
        guard isNews else { return }
        backing.news.studioReported(.disconnected(name: studio.name, reason: "\(error)"), on: studio.channel)
    }

    /// At most one word in ten seconds, and only of a change.
    private static func isNews(_ isConnected: Bool, _ state: inout State, now: WallTime) -> Bool {
        guard state.isToldConnected != isConnected else { return false }
        if let last = state.lastConnectionNews, now < last + newsInterval { return false }
        state.lastConnectionNews = now
        state.isToldConnected = isConnected
        return true
    }

    private var label: [(String, String)] { [("studio", studio.name)] }
    private var metadata: Logger.Metadata { ["studio": "\(studio.name)"] }
    private func metadata(_ reason: String) -> Logger.Metadata {
        ["studio": "\(studio.name)", "error": "\(reason)"]
    }

    /// Cancelled: whoever waits looks by itself.
    private func pause(_ span: Duration) async { try? await backing.timer.sleep(for: span) }
}
