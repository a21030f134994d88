%% Erlang under the rows of call_rows.ts: gen_server calls between two nodes of
%% one machine. The second node is started here and ends with this one. One has
%% the port that both know, so that no port mapper has to be left running.

-module(erlang_calls).
-export([main/0, serve/0, init/1, handle_call/3, handle_cast/2]).

init(State) -> {ok, State}.
handle_call({send, Bytes}, _From, State) -> {reply, byte_size(Bytes), State};
handle_call(Value, _From, State) -> {reply, Value, State}.
handle_cast(_, State) -> {noreply, State}.

serve() ->
    {ok, _} = gen_server:start({local, echo}, ?MODULE, none, []),
    %% Ends when the node that started this one closes the pipe.
    _ = io:get_line(""),
    halt(0).

main() ->
    Node = list_to_atom("server@127.0.0.1"),
    Args = ["-noshell", "-name", "server@127.0.0.1" | shared_args()] ++
        ["-s", "erlang_calls", "serve"],
    Erl = os:find_executable("erl"),
    _ = open_port({spawn_executable, Erl}, [{args, Args}, stream]),
    ok = await(Node, 100),
    Echo = {echo, Node},
    Call = fun(Value) -> Value = gen_server:call(Echo, Value, infinity) end,
    sequence(Call),
    row("100 callers at once", callers(Call, 100), "per second"),
    row("1,000 calls at once", rate(1000, fun() -> many(Echo, 1000) end), "per second"),
    Bytes = binary:copy(<<1>>, 1000000),
    Send = fun() -> 1000000 = gen_server:call(Echo, {send, Bytes}, infinity) end,
    row("calls with 1 MB", rate(1, Send), "per second"),
    halt(0).

shared_args() ->
    {ok, Cookie} = init:get_argument(setcookie),
    {ok, Port} = init:get_argument(erl_epmd_port),
    ["-setcookie" | hd(Cookie)] ++ ["-start_epmd", "false"] ++
        ["-erl_epmd_port" | hd(Port)] ++ ["-pa", filename:dirname(code:which(?MODULE))].

await(_, 0) -> {error, no_server};
await(Node, Left) ->
    timer:sleep(50),
    case net_kernel:connect_node(Node) of
        true ->
            case rpc:call(Node, erlang, whereis, [echo]) of
                Pid when is_pid(Pid) -> ok;
                _ -> await(Node, Left - 1)
            end;
        _ -> await(Node, Left - 1)
    end.

now_ns() -> erlang:monotonic_time(nanosecond).
quick() -> os:getenv("BENCH_QUICK") =:= "1".
warm_ns() -> case quick() of true -> 100000000; false -> 800000000 end.
run_ns() -> case quick() of true -> 200000000; false -> 1400000000 end.

row(Name, Value, Unit) ->
    io:format("{\"row\":\"~ts\",\"value\":~w,\"unit\":\"~s\"}~n", [Name, Value, Unit]).

sequence(Call) ->
    repeat(fun() -> Call(1) end, now_ns() + warm_ns(), 0),
    Start = now_ns(),
    {Latencies, End} = timed(Call, Start, Start + run_ns(), []),
    Sorted = list_to_tuple(lists:sort(Latencies)),
    Size = tuple_size(Sorted),
    At = fun(Share) -> element(1 + trunc((Size - 1) * Share), Sorted) / 1000 end,
    row("call after call", Size * 1.0e9 / (End - Start), "per second"),
    row("call after call, median", At(0.5), "microseconds"),
    row("call after call, 99th percentile", At(0.99), "microseconds").

timed(Call, Now, End, Latencies) when Now < End ->
    Call(1),
    After = now_ns(),
    timed(Call, After, End, [After - Now | Latencies]);
timed(_, Now, _, Latencies) -> {Latencies, Now}.

repeat(Once, End, Count) ->
    case now_ns() < End of
        true -> Once(), repeat(Once, End, Count + 1);
        false -> Count
    end.

rate(Multiplier, Once) ->
    repeat(Once, now_ns() + warm_ns(), 0),
    Start = now_ns(),
    Count = repeat(Once, Start + run_ns(), 0),
    Multiplier * Count * 1.0e9 / (now_ns() - Start).

callers(Call, Number) ->
    Self = self(),
    Start = now_ns(),
    End = Start + run_ns(),
    Loop = fun() -> Self ! repeat(fun() -> Call(1) end, End, 0) end,
    [spawn(Loop) || _ <- lists:seq(1, Number)],
    Total = lists:sum([receive Count -> Count end || _ <- lists:seq(1, Number)]),
    Total * 1.0e9 / (now_ns() - Start).

many(Echo, Number) ->
    Requests = [gen_server:send_request(Echo, N) || N <- lists:seq(1, Number)],
    [{reply, _} = gen_server:receive_response(R, infinity) || R <- Requests].
