//! What a store promises, held against both stores: the same cases over `&dyn Store`.
//!
//! The memory store is told the time, so its cases take none. Redis is a real one, where time really passes: its cases
//! run side by side, each on a site of its own. `model` plays random sequences on both and compares every answer;
//! `redis` has what only Redis can do: be flushed, killed, refuse.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod challenges;
mod contacts;
mod devices;
mod failures;
mod feed;
mod marks;
mod measures;
mod messages;
mod model;
mod money;
mod parking;
mod provers;
mod pumping;
mod races;
mod redis;
mod sends;
mod tallies;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use otpgate::store::memory::MemoryStore;
use otpgate::words::{TestClock, Timestamp};

use crate::bench::Bench;

type Case = (&'static str, fn(Bench) -> Pin<Box<dyn Future<Output = ()> + Send>>);

/// The cases of a module, by name.
macro_rules! cases {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($case)),
            |bench| Box::pin($module::$case(bench)),
        )),*),*]
    };
}

const CASES: &[Case] = cases! {
    challenges:
        a_challenge_lives_from_open_to_passed,
        a_challenge_is_its_browser_s_and_its_subject_s,
        the_same_request_opens_one_challenge,
        without_an_id_the_only_live_one_is_found,
        a_code_is_good_for_its_challenge_only,
        a_code_expires,
        a_challenge_is_forgotten_in_the_end,
        a_browser_gets_a_new_name_with_all_its_challenges,
        a_confirmation_is_spent_once,
        notes_are_kept_under_their_reference,
        sessions_are_bound_and_forgotten,
        a_session_is_restored_where_none_is_known;
    failures:
        a_challenge_takes_its_tries,
        wrong_codes_of_a_subject_count_everywhere,
        a_locked_subject_is_let_go_when_the_window_is,
        every_window_of_a_list_holds,
        wrong_codes_of_an_address_count_for_all_subjects,
        wrong_codes_in_a_row_lock_until_unlocked,
        the_lock_comes_first,
        limits_of_a_new_config_hold_at_once,
        a_lock_is_restored;
    sends:
        a_resend_has_the_same_code_and_expiry,
        resends_wait_and_run_out,
        each_limit_holds_at_its_edge,
        windows_slide,
        the_limit_that_holds_longest_is_told,
        what_is_refused_is_not_counted,
        a_passed_challenge_gives_its_sends_back,
        a_send_that_reached_nobody_is_given_back,
        a_code_cannot_outlive_its_challenge;
    parking:
        a_parked_request_is_resumed_once,
        a_parked_request_is_adopted,
        only_its_own_browser_and_subject_adopt_it,
        nobodys_parked_request_is_inherited,
        the_budget_holds,
        what_is_over_frees_its_bytes,
        the_oldest_of_a_browser_gives_way;
    messages:
        a_message_is_remembered_for_its_time,
        a_send_tells_what_carried_it,
        a_challenge_without_a_message_passes,
        receipts_never_move_a_message_back,
        a_receipt_may_come_before_the_answer,
        a_receipt_of_another_provider_is_unknown,
        a_receipt_is_not_replayed,
        a_price_is_noted_once,
        a_challenge_that_is_gone_is_no_error,
        words_are_kept_with_a_message,
        words_are_taken_once,
        words_are_kept_with_a_message,
        a_sealed_code_is_told_while_it_is_good;
    measures:
        counts_add_up,
        names_cannot_be_confused,
        what_comes_late_counts_beside_its_message,
        the_newest_buckets_are_told,
        buckets_leave_with_their_window;
    money:
        a_budget_holds_at_its_edge,
        more_than_the_budget_never_fits,
        what_was_charged_is_put_right,
        sites_have_purses_of_their_own,
        budgets_slide;
    pumping:
        a_prefix_that_collapses_is_paused,
        numbers_that_come_back_keep_a_prefix_open,
        a_number_that_came_back_is_let_through,
        a_pause_is_told_to_who_asks,
        a_resend_is_no_other_number,
        the_grace_is_waited_for,
        the_window_slides,
        a_run_of_numbers_is_paused,
        a_guard_that_observes_tells_once,
        a_guard_that_is_off_does_nothing,
        a_send_that_is_given_back_was_no_try,
        all_numbers_of_a_challenge_come_back,
        the_pause_that_holds_longest_is_told;
    contacts:
        the_first_sighting_is_where_an_account_starts,
        a_new_contact_is_fresh_and_the_old_ones_are_told_once,
        an_account_without_contacts_has_a_start_too,
        one_change_after_another_tells_whoever_was_there_before,
        time_away_counts_for_nobody,
        notices_count_among_the_messages_of_their_contact,
        what_was_there_for_long_is_forgotten_last,
        an_account_is_forgotten_in_the_end,
        what_an_operator_vouches_for_was_always_there,
        accounts_and_sites_are_apart,
        one_of_many_tells;
    marks:
        the_oldest_mark_is_taken_first,
        a_mark_is_queued_once,
        a_lease_runs_out,
        a_mark_comes_later,
        whose_lease_ran_out_moves_nothing,
        a_full_queue_takes_no_more,
        only_the_newest_of_its_kind_waits,
        marks_leave_with_their_time,
        a_mark_is_taken_by_one,
        a_mark_that_many_queue_is_one;
    provers:
        others_are_counted_once_each,
        the_newest_provers_are_kept,
        provers_leave_with_their_time;
    tallies:
        what_is_too_much_is_flagged_once,
        the_same_member_is_one,
        what_is_counted_leaves_with_its_window,
        a_flag_ends_by_itself,
        a_flag_is_prolonged,
        a_lifted_ban_starts_anew,
        flags_are_put_up_again,
        sites_and_signs_are_apart;
    devices:
        a_device_moves_on_with_each_turn,
        c14_a_copy_is_found_whoever_comes_first,
        c14_what_was_stolen_stays_stolen,
        several_requests_at_once_are_one_browser_s,
        a_browser_that_got_no_answer_goes_on,
        devices_are_forgotten_in_the_end,
        a_device_and_its_copy_are_told_to_every_gateway,
        a_place_takes_the_place_of_the_one_before,
        a_move_is_told_where_it_is_one,
        one_of_many_copies_is_found;
    races:
        the_right_code_passes_once,
        wrong_codes_are_counted_to_the_limit,
        resends_are_permitted_once,
        a_parked_request_is_taken_once,
        a_confirmation_is_spent_by_one,
        one_request_opens_one_challenge,
        a_subject_locks_at_its_limit,
        a_pumped_prefix_stops_at_once,
        a_budget_is_spent_once,
        receipts_move_a_message_on_once,
        an_answer_and_its_receipt_come_at_once,
        words_are_taken_by_one,
        counts_are_not_lost,
        one_of_many_is_told_of_a_ban;
    feed:
        revocations_are_kept_and_told,
        a_change_is_told_at_once,
        a_reader_starts_at_the_present,
        a_cursor_of_another_store_is_lost;
};

/// Runs every case, side by side; the races after all the others, since they leave no time to measure any.
///
/// # Panics
/// When one fails; all are run before.
async fn run_all(bench: impl Fn(&str) -> Bench) {
    let (races, others): (Vec<_>, Vec<_>) = CASES.iter().partition(|(name, _)| name.starts_with("races::"));
    let mut failed = Vec::new();
    for cases in [others, races] {
        let running: Vec<_> = cases
            .iter()
            .map(|(name, case)| (*name, tokio::spawn(AssertUnwindSafe(case(bench(name))).catch_unwind())))
            .collect();
        for (name, case) in running {
            if case.await.unwrap().is_err() {
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_every_promise() {
    run_all(|name| {
        let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let store = Arc::new(MemoryStore::new(Arc::<TestClock>::clone(&clock)));
        Bench::new(name, store, Some(clock))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_every_promise() {
    let server = support::Redis::start();
    let store = Arc::new(redis::store_at(&server.url()));
    let with_queue: Vec<&str> =
        CASES.iter().map(|(name, _)| *name).filter(|name| name.starts_with("marks::")).collect();
    let store_of = |name: &str| match with_queue.iter().position(|case| *case == name) {
        // A database of its own; the first shares that of all others.
        Some(number) if number > 0 => Arc::new(redis::store_at(&format!("{}/{number}", server.url()))),
        _ => Arc::clone(&store),
    };
    run_all(|name| Bench::new(name, store_of(name), None)).await;
    redis::check_keys(&server).await;
}
