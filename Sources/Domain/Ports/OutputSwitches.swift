import Synchronization

/// Which ways to watch one channel offers now: set by its settings, read for every request. One atomic load, no lock; any thread.
package final class OutputSwitches: Sendable {
    private let channel: ChannelName
    /// A bit for each that is off, by its place in `ViewerProtocol.allCases`.
    private let off = Atomic<UInt8>(0)

    /// All are on.
    package init(channel: ChannelName = .main) { self.channel = channel }

    /// - Returns: `true` for another channel: whether there is one is not told here.
    package func isOn(_ output: ViewerProtocol, of channel: ChannelName) -> Bool {
        channel != self.channel || off.load(ordering: .sequentiallyConsistent) & Self.bit(output) == 0
    }

    package func on(of channel: ChannelName) -> Set<ViewerProtocol> {
        Set(ViewerProtocol.allCases.filter { isOn($0, of: channel) })
    }

    /// - Returns: those that were on and are no longer: whoever reads them is to be sent away.
    package func set(_ outputs: Set<ViewerProtocol>) -> Set<ViewerProtocol> {
        let new = ViewerProtocol.allCases.filter { !outputs.contains($0) }.reduce(0) { $0 | Self.bit($1) }
        let old = off.exchange(new, ordering: .sequentiallyConsistent)
        return Set(ViewerProtocol.allCases.filter { new & ~old & Self.bit($0) != 0 })
    }

    private static func bit(_ output: ViewerProtocol) -> UInt8 {
        switch output {
        case .hls: 1
        case .dash: 1 << 1
        case .transportStream: 1 << 2
        case .webSocket: 1 << 3
        case .audio: 1 << 4
        case .rtmp: 1 << 5
        }
    }
}
