"""HTTP load: one client, closed and open loops, one result per request.

A `Workload` makes requests and judges answers; `run_closed_loop` has each client wait for its answer before it asks
again, `run_open_loop` sends at intended times whatever became of the requests before. Both report a `RequestResult` per
request, whose latency counts from its intended time. `BackgroundLoad` runs either in a thread beside other work.
"""
