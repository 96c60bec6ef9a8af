/// What viewers did since the last report, gathered by whoever counts them: thousands who come at once are one event.
package struct ViewerReport: Sendable, Equatable {
    package struct Kick: Sendable, Equatable {
        package var kind: ViewerProtocol
        package var seconds: Int

        package init(kind: ViewerProtocol, seconds: Int) {
            self.kind = kind
            self.seconds = seconds
        }
    }

    package var opened = 0
    package var closed = 0
    /// Who watches now.
    package var viewers = 0
    /// More than ever since the server's start; `nil` when not.
    package var peak: Int?
    package var kicked: [Kick] = []

    package init() {}
}

extension QueueMachine {
    /// Writes a report into the outbox: it is no move of the queue, but who reads events has one order of all.
    package mutating func viewersReported(_ report: ViewerReport, now: WallTime) -> [Action] {
        if report.opened > 0 { draft.events.append(.viewersOpened(count: report.opened, viewers: report.viewers)) }
        if report.closed > 0 { draft.events.append(.viewersClosed(count: report.closed, viewers: report.viewers)) }
        if let peak = report.peak { draft.events.append(.viewersPeaked(viewers: peak)) }
        draft.events += report.kicked.map { .viewerKicked(kind: $0.kind, seconds: $0.seconds) }
        return finish(now: now)
    }
}
