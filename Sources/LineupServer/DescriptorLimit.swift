import Foundation

/// How many files and sockets this process may hold open.
package enum DescriptorLimit {
    /// Lets the runtime make what it makes at first use: a descriptor for each clock's timers. It dies when it cannot make
    /// one, which would be at the worst moment: when peers hold all descriptors and a wait is to be timed.
    package static func reserveTimers() async {
        // Cancelled: whoever waits next makes them.
        try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
    }

    /// Raises the soft limit as far as the system lets us: shells and services start with 1,024, which is less than the
    /// connections that the servers' own limits allow. Beyond it nobody is accepted and no worker or database is reached.
    ///
    /// - Returns: the limit from now on; `nil` when the system does not say.
    @discardableResult
    package static func raise() -> UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        // Some systems know no upper limit; a million is more than our own limits ask for.
        let wanted = min(limit.rlim_max, 1_048_576)
        guard limit.rlim_cur < wanted else { return UInt64(limit.rlim_cur) }
        limit.rlim_cur = wanted
        // Refused: the server works as far as the old limit goes.
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return UInt64(limit.rlim_cur)
    }
}
