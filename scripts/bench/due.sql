-- Members with one purchase of long ago: its lot's date has come, and the level that it gave ends. As due.py fills it in. PostgreSQL.

insert into members (id, merchant_id, content_hash, address, sealed_salt_key, lane, state, created_at, available, issued, tier,
                     purchase_count, last_activity_at, leaf_count)
select 'mem_due' || lpad(n::text, 8, '0'), :merchant, '', '0x' || lpad(to_hex(n), 40, '0'), :salt, 0, 'active', :at, 10, 10, 'gold', 1, :at, 1
from generate_series(1, :members) n;

insert into operations (id, kind, merchant_id, member_id, reference, content_hash, ruleset_hash, occurred_at, recorded_at, facts, result)
select 'pur_due' || n, 'purchase', :merchant, 'mem_due' || lpad(n::text, 8, '0'), 'due-' || n, '', :ruleset, :at, :at, '{}', '{}'
from generate_series(1, :members) n;

insert into purchases (operation_id, member_id, occurred_at, local_date, awarded, kept, taken, refunded_cents, tier_spend_cents, tier_points,
                       tier_orders)
select 'pur_due' || n, 'mem_due' || lpad(n::text, 8, '0'), :at, '2025-01-01', 10, 10, 0, 0, 200000, 10, 1
from generate_series(1, :members) n;

insert into entries (id, member_id, kind, points, party, operation_id, ruleset_hash, occurred_at, recorded_at, balance_after, detail)
select 'ent_due' || n, 'mem_due' || lpad(n::text, 8, '0'), 1, 10, :party, 'pur_due' || n, :ruleset, :at, :at, 10, '{}'
from generate_series(1, :members) n;

insert into lots (entry_id, member_id, operation_id, points, points_left, party, ruleset_hash, issued_at, expires_at)
select 'ent_due' || n, 'mem_due' || lpad(n::text, 8, '0'), 'pur_due' || n, 10, 10, :party, :ruleset, :at, :until
from generate_series(1, :members) n;
