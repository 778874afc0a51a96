-- What notices, expiry and the look at levels write, as plain SQL with constant texts: what no program can beat by much.

insert into notices (id, member_id, kind, cause, created_at, data)
select 'ntc_' || m.id, m.id, 'points.expiring', '2027-01-01', :now, json_build_object('points', sum(l.points_left), 'on', '2027-01-01')
from members m join lots l on l.member_id = m.id where m.notice_due_at <= :now and l.points_left > 0 group by m.id;

update members set notice_due_at = null where notice_due_at <= :now;
--
insert into entries (id, member_id, kind, points, party, ruleset_hash, occurred_at, recorded_at, balance_after, detail)
select 'exp_' || entry_id, member_id, 3, -points_left, party, ruleset_hash, :now, :now, 0, :detail
from lots where points_left > 0 and expires_at <= :now;

insert into lot_uses (lot_id, entry_id, points, expires_at)
select entry_id, 'exp_' || entry_id, -points_left, expires_at from lots where points_left > 0 and expires_at <= :now;

insert into leaves (id, member_id, lane, account, kind, party, amount, commitment, recorded_at, settle_by, promise, state)
select 'exp_' || l.entry_id, l.member_id, m.lane, m.address, 3, l.party, l.points_left, :commitment, :now, :now, :promise, 'accepted'
from lots l join members m on m.id = l.member_id where l.points_left > 0 and l.expires_at <= :now;

update members m set available = m.available - l.points_left, expired = m.expired + l.points_left, leaf_count = m.leaf_count + 1
from lots l where l.member_id = m.id and l.points_left > 0 and l.expires_at <= :now;

update lots set points_left = 0 where points_left > 0 and expires_at <= :now;
--
insert into facts (id, member_id, kind, points, occurred_at, recorded_at, detail)
select 'tier_' || m.id, m.id, 'tier', 0, :now, :now, :detail from members m where m.tier_due_at <= :now;

insert into leaves (id, member_id, lane, account, kind, party, amount, commitment, recorded_at, settle_by, promise, state)
select 'tier_' || m.id, m.id, m.lane, m.address, 0, 0, 0, :commitment, :now, :now, :promise, 'accepted'
from members m where m.tier_due_at <= :now;

insert into notices (id, member_id, kind, cause, created_at, data)
select 'ntt_' || m.id, m.id, 'tier.downgraded', 'tier_' || m.id, :now, json_build_object('from', 'gold', 'to', 'bronze')
from members m where m.tier_due_at <= :now;

update members m set tier = 'bronze', tier_due_at = null, leaf_count = leaf_count + 1
from (select p.member_id, sum(case when p.occurred_at > :since then p.tier_spend_cents else 0 end) as spend from purchases p group by p.member_id) s
where s.member_id = m.id and s.spend < 100000 and m.tier_due_at <= :now;
