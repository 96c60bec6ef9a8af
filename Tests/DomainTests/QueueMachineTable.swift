/// What `QueueMachineTableTests` expects, state by state.
let queueTable = """
    empty [] joins → [4?] .
    empty [] joinsAgain → [1?] .
    empty [] ready → =
    empty [] unready → =
    empty [] stops → =
    empty [] drops → =
    empty [] lateStop → =
    empty [] showsIt → =
    empty [] showsSlate → =
    empty [] dead → =
    empty [] aMinute → =
    empty [] anHour → =
    empty [] skip → = refused: nobodyOnAir
    empty [] remove → = refused: unknownEntry
    empty [] moveLast → = refused: unknownEntry
    empty [] putOnAir → = refused: unknownEntry
    empty [] hold → = refused: unknownEntry
    empty [] release → = refused: unknownEntry
    empty [] extend → = refused: nobodyOnAir
    empty [] setRemaining → = refused: unknownEntry
    empty [] ban → = X1.
    empty [] clear → =
    unready [1? 2 3?] joins → [1? 2 3? 4?] .
    unready [1? 2 3?] joinsAgain → = x1.
    unready [1? 2 3?] ready → [1 2 3?] >-.
    unready [1? 2 3?] unready → =
    unready [1? 2 3?] stops → [2 3?] .
    unready [1? 2 3?] drops → [1~ 2 3?] .
    unready [1? 2 3?] lateStop → =
    unready [1? 2 3?] showsIt → = .
    unready [1? 2 3?] showsSlate → =
    unready [1? 2 3?] dead → =
    unready [1? 2 3?] aMinute → =
    unready [1? 2 3?] anHour → =
    unready [1? 2 3?] skip → = refused: nobodyOnAir
    unready [1? 2 3?] remove → [2 3?] x1.
    unready [1? 2 3?] moveLast → [2 3? 1?] .
    unready [1? 2 3?] putOnAir → [1?^ 2 3?] .
    unready [1? 2 3?] hold → [1?# 2 3?] .
    unready [1? 2 3?] release → =
    unready [1? 2 3?] extend → = refused: nobodyOnAir
    unready [1? 2 3?] setRemaining → = .
    unready [1? 2 3?] ban → [2 3?] X1.
    unready [1? 2 3?] clear → [] x1x2x3>-.
    ready [1 2 3?] joins → [1 2 3? 4?] .
    ready [1 2 3?] joinsAgain → [1? 2 3?] x1>-.
    ready [1 2 3?] ready → =
    ready [1 2 3?] unready → [1? 2 3?] >-.
    ready [1 2 3?] stops → [2 3?] >-.
    ready [1 2 3?] drops → [1~ 2 3?] >-.
    ready [1 2 3?] lateStop → =
    ready [1 2 3?] showsIt → = .
    ready [1 2 3?] showsSlate → =
    ready [1 2 3?] dead → =
    ready [1 2 3?] aMinute → =
    ready [1 2 3?] anHour → =
    ready [1 2 3?] skip → = refused: nobodyOnAir
    ready [1 2 3?] remove → [2 3?] x1>-.
    ready [1 2 3?] moveLast → [2 3? 1] >-.
    ready [1 2 3?] putOnAir → [1! 2 3?] >1.
    ready [1 2 3?] hold → [1# 2 3?] >-.
    ready [1 2 3?] release → =
    ready [1 2 3?] extend → = refused: nobodyOnAir
    ready [1 2 3?] setRemaining → = .
    ready [1 2 3?] ban → [2 3?] X1>-.
    ready [1 2 3?] clear → [] x1x2x3>-.
    held [1# 2 3?] joins → [1# 2 3? 4?] .
    held [1# 2 3?] joinsAgain → [1?# 2 3?] x1.
    held [1# 2 3?] ready → =
    held [1# 2 3?] unready → [1?# 2 3?] .
    held [1# 2 3?] stops → [2 3?] .
    held [1# 2 3?] drops → [1~# 2 3?] .
    held [1# 2 3?] lateStop → =
    held [1# 2 3?] showsIt → = .
    held [1# 2 3?] showsSlate → =
    held [1# 2 3?] dead → =
    held [1# 2 3?] aMinute → =
    held [1# 2 3?] anHour → =
    held [1# 2 3?] skip → = refused: nobodyOnAir
    held [1# 2 3?] remove → [2 3?] x1.
    held [1# 2 3?] moveLast → [2 3? 1#] .
    held [1# 2 3?] putOnAir → [1! 2 3?] >1.
    held [1# 2 3?] hold → =
    held [1# 2 3?] release → [1 2 3?] >-.
    held [1# 2 3?] extend → = refused: nobodyOnAir
    held [1# 2 3?] setRemaining → = .
    held [1# 2 3?] ban → [2 3?] X1.
    held [1# 2 3?] clear → [] x1x2x3>-.
    dropped [1~ 2 3?] joins → [1~ 2 3? 4?] .
    dropped [1~ 2 3?] joinsAgain → [1? 2 3?] .
    dropped [1~ 2 3?] ready → =
    dropped [1~ 2 3?] unready → =
    dropped [1~ 2 3?] stops → =
    dropped [1~ 2 3?] drops → =
    dropped [1~ 2 3?] lateStop → =
    dropped [1~ 2 3?] showsIt → =
    dropped [1~ 2 3?] showsSlate → =
    dropped [1~ 2 3?] dead → =
    dropped [1~ 2 3?] aMinute → =
    dropped [1~ 2 3?] anHour → [2 3?] .
    dropped [1~ 2 3?] skip → = refused: nobodyOnAir
    dropped [1~ 2 3?] remove → [2 3?] .
    dropped [1~ 2 3?] moveLast → [2 3? 1~] .
    dropped [1~ 2 3?] putOnAir → [1~^ 2 3?] .
    dropped [1~ 2 3?] hold → [1~# 2 3?] .
    dropped [1~ 2 3?] release → =
    dropped [1~ 2 3?] extend → = refused: nobodyOnAir
    dropped [1~ 2 3?] setRemaining → = .
    dropped [1~ 2 3?] ban → [2 3?] X1.
    dropped [1~ 2 3?] clear → [] x2x3>-.
    taken [1! 2 3?] joins → [1! 2 3? 4?] .
    taken [1! 2 3?] joinsAgain → [2! 1? 3?] x1>2.
    taken [1! 2 3?] ready → =
    taken [1! 2 3?] unready → [2! 1? 3?] >2.
    taken [1! 2 3?] stops → [2! 3?] >2.
    taken [1! 2 3?] drops → [2! 1~ 3?] >2.
    taken [1! 2 3?] lateStop → =
    taken [1! 2 3?] showsIt → [1* 2 3?] .
    taken [1! 2 3?] showsSlate → =
    taken [1! 2 3?] dead → =
    taken [1! 2 3?] aMinute → =
    taken [1! 2 3?] anHour → =
    taken [1! 2 3?] skip → [2! 3?] x1>2.
    taken [1! 2 3?] remove → [2! 3?] x1>2.
    taken [1! 2 3?] moveLast → = refused: not now
    taken [1! 2 3?] putOnAir → =
    taken [1! 2 3?] hold → = refused: not now
    taken [1! 2 3?] release → =
    taken [1! 2 3?] extend → = .
    taken [1! 2 3?] setRemaining → = .
    taken [1! 2 3?] ban → [2! 3?] X1>2.
    taken [1! 2 3?] clear → [] x1x2x3>-.
    shown [1* 2 3?] joins → [1* 2 3? 4?] .
    shown [1* 2 3?] joinsAgain → [1*? 2 3?] x1>-.
    shown [1* 2 3?] ready → =
    shown [1* 2 3?] unready → [1*? 2 3?] .
    shown [1* 2 3?] stops → [2! 3?] >2.
    shown [1* 2 3?] drops → [1*~ 2 3?] >-.
    shown [1* 2 3?] lateStop → =
    shown [1* 2 3?] showsIt → =
    shown [1* 2 3?] showsSlate → [1! 2 3?] .
    shown [1* 2 3?] dead → [2! 3?] >2.x1
    shown [1* 2 3?] aMinute → =
    shown [1* 2 3?] anHour → [2! 3?] ..>2.x1
    shown [1* 2 3?] skip → [2! 3?] >2.
    shown [1* 2 3?] remove → [2! 3?] >2.
    shown [1* 2 3?] moveLast → = refused: not now
    shown [1* 2 3?] putOnAir → =
    shown [1* 2 3?] hold → = refused: not now
    shown [1* 2 3?] release → =
    shown [1* 2 3?] extend → = .
    shown [1* 2 3?] setRemaining → = .
    shown [1* 2 3?] ban → [2! 3?] X1>2.
    shown [1* 2 3?] clear → [] x2x3>-.
    shownUnready [1*? 2 3?] joins → [1*? 2 3? 4?] .
    shownUnready [1*? 2 3?] joinsAgain → = x1>-.
    shownUnready [1*? 2 3?] ready → [1* 2 3?] .
    shownUnready [1*? 2 3?] unready → =
    shownUnready [1*? 2 3?] stops → [2! 3?] >2.
    shownUnready [1*? 2 3?] drops → [1*~ 2 3?] >-.
    shownUnready [1*? 2 3?] lateStop → =
    shownUnready [1*? 2 3?] showsIt → =
    shownUnready [1*? 2 3?] showsSlate → [1!? 2 3?] .
    shownUnready [1*? 2 3?] dead → [2! 3?] >2.x1
    shownUnready [1*? 2 3?] aMinute → =
    shownUnready [1*? 2 3?] anHour → [2! 3?] ..>2.x1
    shownUnready [1*? 2 3?] skip → [2! 3?] >2.
    shownUnready [1*? 2 3?] remove → [2! 3?] >2.
    shownUnready [1*? 2 3?] moveLast → = refused: not now
    shownUnready [1*? 2 3?] putOnAir → =
    shownUnready [1*? 2 3?] hold → = refused: not now
    shownUnready [1*? 2 3?] release → =
    shownUnready [1*? 2 3?] extend → = .
    shownUnready [1*? 2 3?] setRemaining → = .
    shownUnready [1*? 2 3?] ban → [2! 3?] X1>2.
    shownUnready [1*? 2 3?] clear → [] x2x3>-.
    shownDropped [1!~ 2 3?] joins → [1!~ 2 3? 4?] .
    shownDropped [1!~ 2 3?] joinsAgain → [1!? 2 3?] .
    shownDropped [1!~ 2 3?] ready → =
    shownDropped [1!~ 2 3?] unready → =
    shownDropped [1!~ 2 3?] stops → =
    shownDropped [1!~ 2 3?] drops → =
    shownDropped [1!~ 2 3?] lateStop → =
    shownDropped [1!~ 2 3?] showsIt → =
    shownDropped [1!~ 2 3?] showsSlate → =
    shownDropped [1!~ 2 3?] dead → =
    shownDropped [1!~ 2 3?] aMinute → [2! 3?] >2.
    shownDropped [1!~ 2 3?] anHour → [2! 3?] >2.
    shownDropped [1!~ 2 3?] skip → [2! 3?] >2.
    shownDropped [1!~ 2 3?] remove → [2! 3?] >2.
    shownDropped [1!~ 2 3?] moveLast → = refused: not now
    shownDropped [1!~ 2 3?] putOnAir → =
    shownDropped [1!~ 2 3?] hold → = refused: not now
    shownDropped [1!~ 2 3?] release → =
    shownDropped [1!~ 2 3?] extend → = .
    shownDropped [1!~ 2 3?] setRemaining → = .
    shownDropped [1!~ 2 3?] ban → [2! 3?] X1>2.
    shownDropped [1!~ 2 3?] clear → [] x2x3>-.
    backUnready [1!? 2 3?] joins → [1!? 2 3? 4?] .
    backUnready [1!? 2 3?] joinsAgain → = x1.
    backUnready [1!? 2 3?] ready → [1! 2 3?] >1.
    backUnready [1!? 2 3?] unready → =
    backUnready [1!? 2 3?] stops → [2! 3?] >2.
    backUnready [1!? 2 3?] drops → [1!~ 2 3?] .
    backUnready [1!? 2 3?] lateStop → =
    backUnready [1!? 2 3?] showsIt → [1*? 2 3?] >1.
    backUnready [1!? 2 3?] showsSlate → =
    backUnready [1!? 2 3?] dead → =
    backUnready [1!? 2 3?] aMinute → [2! 1? 3?] >2.
    backUnready [1!? 2 3?] anHour → [2! 1? 3?] >2.
    backUnready [1!? 2 3?] skip → [2! 3?] x1>2.
    backUnready [1!? 2 3?] remove → [2! 3?] x1>2.
    backUnready [1!? 2 3?] moveLast → = refused: not now
    backUnready [1!? 2 3?] putOnAir → =
    backUnready [1!? 2 3?] hold → = refused: not now
    backUnready [1!? 2 3?] release → =
    backUnready [1!? 2 3?] extend → = .
    backUnready [1!? 2 3?] setRemaining → = .
    backUnready [1!? 2 3?] ban → [2! 3?] X1>2.
    backUnready [1!? 2 3?] clear → [] x1x2x3>-.
    called [1?^ 2 3?] joins → [1?^ 2 3? 4?] .
    called [1?^ 2 3?] joinsAgain → = x1.
    called [1?^ 2 3?] ready → [1! 2 3?] >1.
    called [1?^ 2 3?] unready → =
    called [1?^ 2 3?] stops → [2! 3?] >2.
    called [1?^ 2 3?] drops → [1~^ 2 3?] .
    called [1?^ 2 3?] lateStop → =
    called [1?^ 2 3?] showsIt → = .
    called [1?^ 2 3?] showsSlate → =
    called [1?^ 2 3?] dead → =
    called [1?^ 2 3?] aMinute → [2! 1? 3?] >2.
    called [1?^ 2 3?] anHour → [2! 1? 3?] >2.
    called [1?^ 2 3?] skip → = refused: nobodyOnAir
    called [1?^ 2 3?] remove → [2! 3?] x1>2.
    called [1?^ 2 3?] moveLast → [2 3? 1?^] .
    called [1?^ 2 3?] putOnAir → =
    called [1?^ 2 3?] hold → [2! 1?# 3?] >2.
    called [1?^ 2 3?] release → =
    called [1?^ 2 3?] extend → = refused: nobodyOnAir
    called [1?^ 2 3?] setRemaining → = .
    called [1?^ 2 3?] ban → [2! 3?] X1>2.
    called [1?^ 2 3?] clear → [] x1x2x3>-.
    overtime [1* 2 3?] joins → [1* 2 3? 4?] .
    overtime [1* 2 3?] joinsAgain → [1*? 2 3?] x1>-.
    overtime [1* 2 3?] ready → =
    overtime [1* 2 3?] unready → [1*? 2 3?] .
    overtime [1* 2 3?] stops → [2 3?] >-.
    overtime [1* 2 3?] drops → [1*~ 2 3?] >-.
    overtime [1* 2 3?] lateStop → =
    overtime [1* 2 3?] showsIt → =
    overtime [1* 2 3?] showsSlate → [1! 2 3?] .
    overtime [1* 2 3?] dead → [2 3?] >-.x1
    overtime [1* 2 3?] aMinute → =
    overtime [1* 2 3?] anHour → =
    overtime [1* 2 3?] skip → [2 3?] >-.
    overtime [1* 2 3?] remove → [2 3?] >-.
    overtime [1* 2 3?] moveLast → = refused: not now
    overtime [1* 2 3?] putOnAir → =
    overtime [1* 2 3?] hold → = refused: not now
    overtime [1* 2 3?] release → =
    overtime [1* 2 3?] extend → = .
    overtime [1* 2 3?] setRemaining → = .
    overtime [1* 2 3?] ban → [2 3?] X1>-.
    overtime [1* 2 3?] clear → [] x2x3>-.
    """
