import { Playground } from './playground/playground';

export default function Page() {
  return (
    <>
      <header className="masthead">
        <h1>A limit being used up</h1>
        <p className="lead">
          Every request below goes to <code>/api/limited</code>. It is admitted until its organization has
          used up what its plan allows, and refused with <code>429</code> until the window ends.
        </p>
      </header>
      <Playground />
    </>
  );
}
