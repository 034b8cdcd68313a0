import type { HumanDuration } from '@backstage/types';

export interface Config {
  /**
   * Sidestage, whose actions run as steps of the scaffolder's templates.
   */
  sidestage: {
    /**
     * Where Backstage's backend reaches Sidestage, for example `http://sidestage:7008`.
     * It may have a path. It holds no credentials: Backstage's own service tokens are used.
     *
     * @visibility backend
     */
    baseUrl: string;

    /**
     * How long Backstage's start waits for Sidestage's list of actions, before it goes on with the list that came
     * with the package. Default: 5 seconds. A duration object, an ISO duration or text such as `10s`.
     *
     * @visibility backend
     */
    startupTimeout?: HumanDuration | string;
  };
}
