/* One exclusive task: never two containers of it at once.
 *
 * What is kept is what the claim rests on (docs/exclusive.md): sessions and generations, leases that
 * count from a worker's report, the manager's wait, its crash and restart from what it committed,
 * the crash of a worker whose guard lives on, and a network that loses, repeats, delays and
 * reorders. Each BREAK_ macro takes away one rule; check.sh shows that the model then fails.
 *
 * One node is modelled in full; all others are one place, `ELSEWHERE`, where a container lives from
 * the moment it is placed there. That is enough: the rules are the same on every node, so if nothing
 * of an earlier attempt lives here while the task is elsewhere, the same holds for any two nodes.
 *
 * There is no time of day: what runs out is counted down, by one with each tick, and anything may
 * come before or after a tick. So time has no end in the model. Everything is one process whose steps
 * are whole (d_step): what may happen next is the list of its options, and nothing has to happen but
 * the stop of what is exclusive with the tick that ends its lease.
 *
 * A message is either heard at once, or waits in a slot, one for each direction, from where it is
 * heard at any time, more than once, or never. What can make no difference any more is cleared, and
 * bits are counted: that keeps the states few enough to see them all.
 */

/* From a report to the end of the last container that may run by it, in true time and at the
 * longest: the lease on a clock that is slow by the whole margin, and the grace. A shorter one adds
 * nothing, since a container may end at any time. */
#define LIFE 2
#define SESSIONS_MAX 3
#define ATTEMPTS_MAX 3
#define DISASTERS_MAX 2 /* the manager is killed, or the worker, or the node is forgotten */

#ifdef BREAK_WAIT_WITHOUT_MARGIN
#define LEASED(stamp) (stamp - 1)
#else
#ifdef BREAK_LEASE_FROM_RECEIPT
#define LEASED(stamp) LIFE /* from the poll, although the report came before */
#else
#define LEASED(stamp) stamp
#endif
#endif
#ifdef BREAK_NO_FENCE
#define FENCED false
#else
#ifdef BREAK_NO_GUARD
#define FENCED up
#else
#define FENCED true
#endif
#endif
#ifdef BREAK_OLD_ASSIGNMENT
#define ACCEPTS(s, g) true
#else
#define ACCEPTS(s, g) (s > w_session || (s == w_session && g > w_gen))
#endif
#ifdef BREAK_START_WITHOUT_LEASE
#define MAY_START true
#else
#define MAY_START (lease > 0)
#endif
#ifdef BREAK_LEASE_FROM_RECEIPT
#define GRANTS(stamp) LIFE
#define POLL_AGES false
#else
#define GRANTS(stamp) stamp
#define POLL_AGES true
#endif
#ifdef BREAK_OLD_REPORT
#define KNOWS(g) true
#else
#define KNOWS(g) (g >= since)
#endif
#ifdef BREAK_GRANT_EARLY
#define MAY_GRANT true
#define HEEDS(s) true
#else
#define MAY_GRANT told
#define HEEDS(s) (s == session)
#endif
#ifdef BREAK_NO_WAIT
#define CLEAR (held == 0 || lost)
#else
#ifdef BREAK_MOVE_AT_ONCE
#define CLEAR (held == 0 || !lost || leased == 0)
#else
#define CLEAR (held == 0 || (lost && leased == 0))
#endif
#endif
#ifdef BREAK_FORGET_AT_ONCE
#define FORGET_WAIT 0
#else
#define FORGET_WAIT leased
#endif
#ifdef BREAK_RESTART_FORGETS
#define START_WAIT 0
#else
#define START_WAIT LIFE
#endif

#define NOWHERE 0
#define HERE 1
#define ELSEWHERE 2

/* The manager, committed */
unsigned attempt : 2;
unsigned place : 2 = NOWHERE;
/* The manager, in memory */
unsigned sessions : 2; /* in the program: epoch and session; here one number that only grows */
unsigned session : 2;  /* 0: closed */
unsigned gen : 3;
unsigned held : 2;     /* the attempt that may live here */
unsigned since : 3;    /* the generation that assigned or dropped it */
unsigned stamp : 2;    /* of this session's newest report: what is left of its LIFE */
unsigned leased : 2;   /* what the node may have left (the program counts from later: longer) */
unsigned unproven : 2; /* so long something may live where nobody knows */
bool told;             /* a report of this session was heard */
bool lost;             /* nothing was heard for long */

/* The worker; all but `up` and `alive` is committed, or kept by the guard */
bool up = true;
unsigned w_session : 2;
unsigned w_gen : 3;
unsigned w_wants : 2;
unsigned lease : 2; /* what is left of it */
unsigned alive : 2; /* the attempt whose container lives; 0: none */

/* On their way: an assignment, a report, a poll */
unsigned put_session : 2;
unsigned put_gen : 3;
unsigned put_wants : 2;
unsigned report_session : 2;
unsigned report_gen : 3;
unsigned report_wants : 2;
unsigned report_alive : 2;
unsigned report_stamp : 2;
unsigned poll_session : 2;
unsigned poll_stamp : 2;

unsigned disasters : 2;

#define WANTED ((place == HERE) * attempt)

inline check() { assert(!(place == ELSEWHERE && alive != 0)) }

inline tick(x) {
  if
  :: x > 0 -> x = x - 1
  :: else
  fi
}

inline clear_put() { put_session = 0; put_gen = 0; put_wants = 0 }
inline clear_report() {
  report_session = 0; report_gen = 0; report_wants = 0; report_alive = 0; report_stamp = 0
}
inline clear_poll() { poll_session = 0; poll_stamp = 0 }

inline accept(s, g, a) {
  if
  :: poll_session != 0 && poll_session != s -> clear_poll() /* it renews nothing any more */
  :: else
  fi;
  w_session = s; w_gen = g; w_wants = a;
  if
  :: put_session != 0 && !ACCEPTS(put_session, put_gen) -> clear_put()
  :: else
  fi
}

inline hear(s, g, w, l, t) {
  if
  :: s == session ->
     told = true;
     if
     :: place != HERE && held != 0 && w != held && l != held && KNOWS(g) -> held = 0
     :: place != HERE && held == 0 && l != 0 -> held = l; since = gen
     :: else
     fi
  :: else
  fi;
  if
  :: HEEDS(s) && t > stamp -> stamp = t
  :: else
  fi
}

inline close() {
  session = 0; gen = 0; since = 0; told = false; stamp = 0;
  clear_report() /* nobody listens to an earlier session's */
}

active proctype Cube() {
  do
  /* Time */
  :: d_step {
       lease + stamp + leased + unproven + report_stamp + poll_stamp + alive > 0 ->
       tick(lease); tick(stamp); tick(leased); tick(unproven); tick(report_stamp);
       if
       :: POLL_AGES ->
          tick(poll_stamp);
          if
          :: poll_stamp == 0 -> clear_poll()
          :: else
          fi
       :: else
       fi;
       if
       :: lease == 0 && FENCED -> alive = 0
       :: else
       fi
     }

  /* The worker */
  :: d_step { /* the present assignment; the manager repeats it at any time */
       up && session != 0 && ACCEPTS(session, gen) -> accept(session, gen, WANTED)
     }
  :: d_step { /* one from before, late or again */
       up && put_session != 0 && ACCEPTS(put_session, put_gen) ->
       accept(put_session, put_gen, put_wants)
     }
  :: d_step { /* a poll, late or again */
       up && poll_session != 0 && poll_session == w_session && GRANTS(poll_stamp) > lease ->
       lease = GRANTS(poll_stamp)
     }
  :: d_step { /* start, or start again */
       up && w_wants != 0 && alive == 0 && MAY_START -> alive = w_wants; check()
     }
  :: d_step { alive != 0 -> alive = 0 } /* it ends, or is stopped: no longer wanted, or fenced */
  :: d_step { up && w_session != 0 -> /* a report that will be late */
       report_session = w_session; report_gen = w_gen; report_wants = w_wants;
       report_alive = alive; report_stamp = LIFE
     }
  :: d_step { up && disasters < DISASTERS_MAX -> disasters++; up = false }
  :: d_step { !up -> up = true }

  /* The manager */
  :: d_step { session == 0 && sessions < SESSIONS_MAX -> /* dialled; if it was lost, it is back */
       sessions++; session = sessions; gen = 1; since = 1; lost = false
     }
  :: d_step { session != 0 -> /* an assignment that will be late */
       put_session = session; put_gen = gen; put_wants = WANTED
     }
  :: d_step { session != 0 && up && w_session == session -> /* a report is heard at once */
       hear(w_session, w_gen, w_wants, alive, LIFE)
     }
  :: d_step { session != 0 && report_session != 0 -> /* a late one */
       hear(report_session, report_gen, report_wants, report_alive, report_stamp);
       clear_report()
     }
  :: d_step { session != 0 && MAY_GRANT && stamp != 0 ->
       leased = (LEASED(stamp) > leased -> LEASED(stamp) : leased);
       poll_session = session; poll_stamp = stamp
     }
  :: d_step { session != 0 -> close(); lost = true } /* silent for too long, which is any time */
  :: d_step { place == HERE && !lost && session != 0 -> /* it shall leave this node, or it failed */
       place = NOWHERE; gen++; since = gen
     }
  :: d_step { place == ELSEWHERE -> place = NOWHERE } /* it ended there, as was proved */
  :: d_step { lost && disasters < DISASTERS_MAX -> /* the operator forgets it; it may join again */
       disasters++; lost = false; held = 0;
       unproven = (FORGET_WAIT > unproven -> FORGET_WAIT : unproven); leased = 0;
       place = (place == HERE -> NOWHERE : place)
     }
  :: d_step { /* the next attempt, elsewhere */
       attempt < ATTEMPTS_MAX && (place == NOWHERE || (place == HERE && lost)) && CLEAR &&
       unproven == 0 ->
       attempt++; place = ELSEWHERE; held = 0; check()
     }
  :: d_step { /* or here */
       attempt < ATTEMPTS_MAX && place == NOWHERE && CLEAR && unproven == 0 && told ->
       attempt++; place = HERE; gen++; held = attempt; since = gen
     }
  :: d_step { disasters < DISASTERS_MAX -> /* killed, and started again from what it committed */
       disasters++; close(); lost = false; leased = START_WAIT;
       unproven = (place == NOWHERE && attempt > 0 -> START_WAIT : 0);
       held = (place == HERE -> attempt : 0)
     }
  od
}
