-- A past of final entries, as flat.py fills it in: members, batches, operations, entries, lots, leaves. PostgreSQL.

insert into members (id, merchant_id, content_hash, address, sealed_salt_key, lane, state, created_at, available, issued, leaf_count)
select 'mem_past' || n, :merchant, '', '0x' || lpad(to_hex(n), 40, '0'), '\x00', 0, 'active', :at, :each, :each, :each
from generate_series(1, :members) n;

insert into batches (operator, seq, ruleset_hash, receipts_root, word_count, leaf_count, state, created_at, block_number, block_hash,
                     block_time, transaction_hash, gas_used, minted, burned)
select '0x' || lpad('', 40, '1'), n, :ruleset, '0x' || lpad(to_hex(n), 64, '0'), :batch, :batch, 'final', :at, 1, '0x', :at,
       '0x' || lpad(to_hex(n), 64, '0'), 1, 1, 0
from generate_series(1, :batches) n;

insert into operations (id, kind, merchant_id, member_id, reference, content_hash, ruleset_hash, occurred_at, recorded_at, facts, result)
select 'pur_past' || n, 'purchase', :merchant, 'mem_past' || (n % :members + 1), 'past-' || n, '', :ruleset, :at, :at, '{}', '{}'
from generate_series(0, :entries - 1) n;

insert into entries (id, member_id, kind, points, party, operation_id, ruleset_hash, occurred_at, recorded_at, balance_after, detail)
select 'ent_past' || n, 'mem_past' || (n % :members + 1), 1, 1, :party, 'pur_past' || n, :ruleset, :at, :at, 1, '{}'
from generate_series(0, :entries - 1) n;

insert into lots (entry_id, member_id, operation_id, points, points_left, party, ruleset_hash, issued_at)
select 'ent_past' || n, 'mem_past' || (n % :members + 1), 'pur_past' || n, 1, 1, :party, :ruleset, :at
from generate_series(0, :entries - 1) n;

insert into leaves (id, member_id, lane, account, kind, party, amount, commitment, recorded_at, settle_by, promise, state, batch_id,
                    position)
select 'ent_past' || n, 'mem_past' || (n % :members + 1), 0, '0x' || lpad(to_hex(n % :members + 1), 40, '0'), 1, :party, 1, '0x', :at,
       :at, '0x', 'final', :first + n / :batch, n % :batch
from generate_series(0, :entries - 1) n;
