-- What was spent within each period.
return {sum(periods[1], 1), sum(periods[2], 1)}
