package import Domain

extension PostgresStore: ReadinessReporting {
    /// One check, `database`: whether the queue's connection answers and the tables are there.
    ///
    /// The queue uses that connection all the time, so what became of its calls says it without another one, and at once: a
    /// frozen database would keep a question of ours as long as all others. Only where nothing was asked lately it is asked.
    package func readiness() async -> [ReadinessCheck] {
        if queueLane.vitals.isUnknown() {
            // What comes of it stands in the vitals.
            try? await ping()
        }
        let cause = queueLane.vitals.problem()
        return [ReadinessCheck(name: "database", isOK: cause == nil, cause: cause)]
    }

    /// Whether the database answers and has the tables.
    package func ping() async throws {
        try await queueLane.perform { link in _ = try link.query("SELECT 1 FROM channels LIMIT 1") }
    }
}
